// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization
import TestSupport
import Testing

@testable import CLI

@Suite("A child process is started, heard and ended", .timeLimit(.minutes(60))) struct ChildProcessTests {
  /// A shell that runs `script`.
  private func shell(
    _ script: String, onLine: @escaping @Sendable (String) -> Void = { _ in },
    onExit: @escaping @Sendable (ChildProcess.Exit) -> Void = { _ in }
  ) throws -> ChildProcess {
    try ChildProcess(
      name: "sh", executable: "/bin/sh", arguments: ["-c", script], onLine: onLine, onExit: onExit)
  }

  @Test func `Output and error output come line by line`() async throws {
    let lines = AsyncStream.makeStream(of: String.self)
    let child = try shell("echo one; echo two >&2; printf rest") {
      lines.continuation.yield($0)
    } onExit: { _ in
      lines.continuation.finish()
    }
    var seen: [String] = []
    for await line in lines.stream { seen.append(line) }
    #expect(seen == ["one", "two", "rest"])
    #expect(await child.waitForExit() == .code(0))
    #expect(child.lastLines == seen)
  }

  @Test(arguments: [("exit 3", ChildProcess.Exit.code(3)), ("kill -KILL $$", .signal(SIGKILL))])
  func `The exit is known`(script: String, exit: ChildProcess.Exit) async throws {
    let child = try shell(script)
    #expect(await child.waitForExit() == exit)
    #expect(child.exit == exit)
    // The pid may be another process's by now: nothing is sent to it.
    child.send(SIGKILL)
  }

  @Test func `Stopping asks first and kills later`() async throws {
    let polite = try shell("trap 'echo asked; exit 0' TERM; echo up; while :; do sleep 0.02; done")
    try await waitUntil { !polite.lastLines.isEmpty }
    await polite.stop(within: .seconds(30))
    #expect(polite.exit == .code(0))
    #expect(polite.lastLines == ["up", "asked"])

    let deaf = try shell("trap '' TERM; echo up; while :; do sleep 0.02; done")
    try await waitUntil { !deaf.lastLines.isEmpty }
    await deaf.stop(within: .milliseconds(100))
    #expect(deaf.exit == .signal(SIGKILL))
  }

  @Test func `A child inherits nothing but its own descriptors`() async throws {
    let stray = open("/dev/null", O_RDONLY)
    defer { close(stray) }
    // `ls` itself opens the directory it lists.
    let child = try shell("cd /proc/self/fd; for f in *; do test -e $f && echo $f; done; readlink 0")
    _ = await child.waitForExit()
    #expect(child.lastLines == ["0", "1", "2", "3", "/dev/null"])
  }

  @Test func `A child's lifeline ends with its owner`() async throws {
    let exits = AsyncStream.makeStream(of: ChildProcess.Exit.self)
    // Reads until end-of-file, as ParentWatch does.
    var child: ChildProcess? = try shell("cat <&3; exit 7", onExit: { exits.continuation.yield($0) })
    #expect(child?.exit == nil)
    child = nil
    for await exit in exits.stream {
      #expect(exit == .code(7))
      break
    }
  }

  @Test func `Signals that this process ignores are not ignored by the child`() async throws {
    // SIGPIPE is ignored here whenever a gRPC server runs in the process; make sure of it. It stays so: other tests may count
    // on it by now.
    signal(SIGPIPE, SIG_IGN)
    let child = try shell("kill -PIPE $$; exit 0")
    #expect(await child.waitForExit() == .signal(SIGPIPE))
  }

  @Test func `An executable that cannot be started is named`() {
    let error = #expect(throws: CLIError.self) {
      try ChildProcess(name: "none", executable: "/nowhere/illmrec-llm", arguments: [])
    }
    #expect(error?.message == "cannot start /nowhere/illmrec-llm: No such file or directory")
  }

  @Test func `A line without end is cut`() {
    var splitter = LineSplitter()
    let long = [UInt8](repeating: 0x61, count: LineSplitter.maxLineBytes + 1)
    let lines = splitter.lines(completedBy: long[...])
    #expect(lines.map(\.utf8.count) == [LineSplitter.maxLineBytes])
    #expect(splitter.rest() == "a")
  }

  @Test func `Lines are joined across reads`() {
    var splitter = LineSplitter()
    #expect(splitter.lines(completedBy: Array("on".utf8)[...]).isEmpty)
    #expect(splitter.lines(completedBy: Array("e\n\ntw".utf8)[...]) == ["one", ""])
    #expect(splitter.rest() == "tw")
  }

  @Test func `The tail keeps the last lines`() {
    var tail = LineTail(limit: 2)
    for line in ["a", "b", "c"] { tail.append(line) }
    #expect(tail.lines == ["b", "c"])
  }
}
