// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

@testable import Basics

@Suite("An open file takes all bytes or fails") struct OpenFileTests {
  @Test func `What is written lies in the file`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/file"
    do {
      let file = try OpenFile(path, O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
      try file.write([1, 2])
      try file.write([])
      try file.write([3])
      try file.sync()
    }
    #expect(try Data(contentsOf: URL(filePath: path)) == Data([1, 2, 3]))
    #expect(throws: SystemCallError("create", path, errno: EEXIST)) {
      _ = try OpenFile(path, O_WRONLY | O_CREAT | O_EXCL)
    }
    try OpenFile(path, O_WRONLY).truncate()
    #expect(try Data(contentsOf: URL(filePath: path)).isEmpty)
  }

  @Test func `Errors name the call, the path and the reason`() throws {
    let error = #expect(throws: SystemCallError.self) { _ = try OpenFile("/nowhere/file", O_RDONLY) }
    #expect(error.map { "\($0)" } == "open /nowhere/file: No such file or directory")
    let full = #expect(throws: SystemCallError.self) { try OpenFile("/dev/full", O_WRONLY).write([1]) }
    #expect(full == SystemCallError("write", "/dev/full", errno: ENOSPC))
  }

  @Test func `Faults break every operation, and a short write leaves half`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/file"
    #expect(throws: SystemCallError("create", path, errno: EIO)) {
      _ = try OpenFile(path, O_WRONLY | O_CREAT, fault: .failure(errno: EIO))
    }
    #expect(!FileManager.default.fileExists(atPath: path))
    let file = try OpenFile(path, O_WRONLY | O_CREAT)
    #expect(throws: SystemCallError.self) { try file.write([1, 2, 3, 4], fault: .shortWrite(errno: ENOSPC)) }
    #expect(throws: SystemCallError.self) { try file.write([5], fault: .failure(errno: ENOSPC)) }
    #expect(throws: SystemCallError.self) { try file.sync(fault: .shortWrite(errno: EIO)) }
    #expect(try Data(contentsOf: URL(filePath: path)) == Data([1, 2]))
  }

  @Test func `A file that was replaced is not in place`() throws {
    let directory = try TemporaryDirectory()
    let file = try OpenFile(directory.path + "/file", O_WRONLY | O_CREAT)
    let isInPlaceAtFirst = file.isInPlace
    rename(directory.path + "/file", directory.path + "/other")
    let isInPlaceWhenMoved = file.isInPlace
    try Data([1]).write(to: URL(filePath: directory.path + "/file"))
    let isInPlaceWhenReplaced = file.isInPlace
    #expect(isInPlaceAtFirst && !isInPlaceWhenMoved && !isInPlaceWhenReplaced)
  }

  @Test func `A directory's names are synced, and faults reach it`() throws {
    let directory = try TemporaryDirectory()
    try DirectoryEntries.sync(directory.path)
    #expect(throws: SystemCallError("fsync", directory.path, errno: EIO)) {
      try DirectoryEntries.sync(directory.path, fault: .failure(errno: EIO))
    }
    #expect(throws: SystemCallError.self) { try DirectoryEntries.sync(directory.path + "/none") }
  }

  @Test(arguments: [("file", "."), ("/file", "/"), ("a/b/file", "a/b"), ("/a/file", "/a")])
  func `A file's directory is what stands before its last slash`(path: String, parent: String) {
    #expect(DirectoryEntries.parent(of: path) == parent)
  }
}
