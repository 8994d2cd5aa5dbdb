// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

@testable import CLI

@Suite("Outputs destroy nothing that a command reads or writes") struct OutputFileTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func path(_ name: String) -> String { "\(directory.path)/\(name)" }

  private func message(_ outputs: [String], reading inputs: [String] = []) -> String? {
    do throws(CLIError) {
      try OutputFile.requireWritable(outputs.map(path), reading: inputs.map(path))
      return nil
    } catch {
      return error.message
    }
  }

  @Test func `Two outputs are two files`() throws {
    #expect(message(["a.csv", "b.csv"]) == nil)
    #expect(message(["a.csv", "./a.csv"])?.contains("two outputs") ?? false)
    try #require(symlink("a.csv", path("link")) == 0)
    #expect(message(["a.csv", "link"])?.contains("two outputs") ?? false)
  }

  @Test func `What is read is not written over`() throws {
    try Data("{}".utf8).write(to: URL(filePath: path("train_users.json")))
    #expect(message(["ranks.csv"], reading: ["train_users.json"]) == nil)
    #expect(message(["train_users.json"], reading: ["train_users.json"])?.contains("is read by this command") ?? false)
    try #require(symlink("train_users.json", path("link")) == 0)
    #expect(message(["link"], reading: ["train_users.json"])?.contains("is read by this command") ?? false)
    #expect(try String(contentsOfFile: path("train_users.json"), encoding: .utf8) == "{}")
  }

  @Test func `A pipe may take several, and no directory takes any`() throws {
    try #require(mkfifo(path("pipe"), 0o600) == 0)
    #expect(message(["pipe", "pipe"]) == nil)
    #expect(message([""])?.contains("a directory") ?? false)
    #expect(message(["none/a.csv"]) != nil)
    let error = #expect(throws: CLIError.self) { try OutputFile.requireWritable("/proc/illmrec.csv") }
    #expect(error?.message.contains("cannot be written") ?? false)
  }
}
