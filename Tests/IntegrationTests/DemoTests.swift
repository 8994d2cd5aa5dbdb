// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import TestSupport
import Testing

@testable import CLI

/// `illmrec demo` as a person runs it.
@Suite("illmrec demo refuses first and cleans up", .timeLimit(.minutes(60))) struct DemoTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  @Test func `A directory whose services are up is refused before anything is written`() async throws {
    let output = directory.file("demo")
    let state = try StateDirectory(DemoFiles(directory: output).state)
    let (exit, text) = try await runExecutable("illmrec", ["demo", "--output", output])
    #expect(exit == .code(1))
    #expect(text.contains("another illmrec keeps its state here"))
    #expect(text.contains("--output"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: output) == ["state"])
    withExtendedLifetime(state) {}
  }

  @Test func `A file in the directory's place is named with the remedy`() async throws {
    let file = directory.file("file")
    try Data().write(to: URL(filePath: file))
    let (exit, text) = try await runExecutable("illmrec", ["demo", "--output", file])
    #expect(exit == .code(1))
    #expect(text.contains("\(file) is a file; name another place"))
    #expect(!text.contains("Cocoa"))
  }

  @Test(arguments: [(SIGINT, 130), (SIGTERM, 143)] as [(Int32, Int32)])
  func `A signal ends it with its own code, while it draws too`(signal: Int32, code: Int32) async throws {
    let output = Recorder<String>()
    let demo = try ChildProcess(
      name: "demo", executable: "\(StackConfiguration.ownDirectory)/illmrec",
      arguments: ["demo", "--output", directory.file("demo-\(signal)")], onLine: output.note)
    try await waitUntil { output.text.contains("Drawing a shop") || demo.exit != nil }
    demo.send(signal)
    #expect(await demo.waitForExit() == .code(code))
    #expect(output.text.contains("illmrec: interrupted"))
  }

  @Test(arguments: [
    ("illmrec", ["index", "rollout", "start", "3", "--stage", "foo"]),
    ("illmrec", ["index", "publish", "--label", "x"]), ("illmrec", ["recommend", "--items", ","]),
    ("illmrec", ["recommend", "--items", "1", "--gateway", ""]), ("illmrec-retrieval", ["--data", ""]),
    ("illmrec-retrieval", ["--data", "d", "--config", ""]), ("illmrec", ["gateway", "--llm", ""]),
  ])
  func `What was typed wrongly exits with 64`(program: String, arguments: [String]) async throws {
    let (exit, text) = try await runExecutable(program, arguments)
    #expect(exit == .code(64), "\(text)")
    #expect(!text.contains("invalidAddress"))
  }
}
