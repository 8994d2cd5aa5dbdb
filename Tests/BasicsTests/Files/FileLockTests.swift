// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

@testable import Basics

@Suite("A file lock has one holder", .timeLimit(.minutes(60))) struct FileLockTests {
  /// A process that has a copy of an open descriptor, as a child has of all until it runs its program.
  private final class CopyHolder {
    private let pid: pid_t

    init(of descriptor: Int32) throws {
      var actions = posix_spawn_file_actions_t()
      posix_spawn_file_actions_init(&actions)
      defer { posix_spawn_file_actions_destroy(&actions) }
      // A copy stays open in the program that is run, whatever the original is marked with.
      posix_spawn_file_actions_adddup2(&actions, descriptor, 100)
      var pid = pid_t()
      var arguments: [UnsafeMutablePointer<CChar>?] = [strdup("sleep"), strdup("600"), nil]
      defer { for argument in arguments { free(argument) } }
      try #require(posix_spawn(&pid, "/bin/sleep", &actions, nil, &arguments, nil) == 0)
      self.pid = pid
    }

    func end() {
      kill(pid, SIGKILL)
      var status: Int32 = 0
      while waitpid(pid, &status, 0) < 0, errno == EINTR {}
    }
  }

  private func isHeld(_ path: String) throws(SystemCallError) -> Bool {
    do throws(SystemCallError) {
      _ = try FileLock(path, patience: .zero)
      return false
    } catch {
      guard error.isHeldLock else { throw error }
      return true
    }
  }

  @Test func `It can be asked whether a lock is held`() throws {
    try withTemporaryDirectory { directory in
      let path = "\(directory)/lock"
      #expect(!FileLock.isHeld(path))
      do {
        let lock = try FileLock(path)
        #expect(FileLock.isHeld(path))
        withExtendedLifetime(lock) {}
      }
      #expect(!FileLock.isHeld(path))
    }
  }

  @Test func `One holder at a time, in this process too`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/lock"
    do {
      let lock = try FileLock(path)
      #expect(try isHeld(path))
      withExtendedLifetime(lock.file.descriptor) {}
    }
    #expect(try !isHeld(path))
  }

  @Test func `Letting go frees the lock although a child has a copy of the descriptor`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/lock"
    let child: CopyHolder
    do {
      let lock = try FileLock(path)
      child = try CopyHolder(of: lock.file.descriptor)
      #expect(try isHeld(path))
    }
    defer { child.end() }
    #expect(try !isHeld(path))
  }

  @Test func `A child that outlives its killed parent for a moment is waited for`() async throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/lock"
    let child: CopyHolder
    do {
      // Closed and not unlocked, as by the kernel when the process ends.
      let file = try OpenFile(path, O_RDWR | O_CREAT)
      try #require(flock(file.descriptor, LOCK_EX) == 0)
      child = try CopyHolder(of: file.descriptor)
    }
    #expect(try isHeld(path))
    let thread = try DedicatedThread(name: "test") { [path] in
      // The test ends when this does, or by its time limit.
      _ = try? FileLock(path, patience: .seconds(600))
    }
    child.end()
    await thread.join()
    #expect(try !isHeld(path))
  }

  @Test func `A lock on a file that was removed meanwhile is none`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/lock"
    let old = try FileLock(path)
    unlink(path)
    let new = try FileLock(path, patience: .zero)
    #expect(try isHeld(path))
    let (newIsInPlace, oldIsInPlace) = (new.file.isInPlace, old.file.isInPlace)
    #expect(newIsInPlace && !oldIsInPlace)
  }

  @Test func `What is no lock but another error says so`() {
    let error = #expect(throws: SystemCallError.self) { _ = try FileLock("/nowhere/lock") }
    #expect(error?.errno == ENOENT && error?.isHeldLock == false)
  }
}
