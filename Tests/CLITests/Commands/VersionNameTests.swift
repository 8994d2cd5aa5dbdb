// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ServiceAPI
import Testing

@testable import CLI

@Suite("A version is one of the index that was named, and labels keep what was typed") struct VersionNameTests {
  private func name(_ version: String, _ flags: [String] = []) throws -> String {
    let options = try IndexOptions.parse(flags)
    return try options.versionName(version)
  }

  @Test func `A number is one of the index, and a whole name its own`() throws {
    #expect(try name("3") == "default/versions/3")
    #expect(try name("3", ["--index", "films"]) == "films/versions/3")
    #expect(try name("films/versions/3") == "films/versions/3")
    #expect(try IndexOptions.parse([]).index(ofVersion: "films/versions/3") == "films")
    #expect(try name("films/versions/3", ["--index", "films"]) == "films/versions/3")
  }

  @Test func `Another index's version is refused where --index names one`() {
    let error = #expect(throws: CLIError.self) { try name("other/versions/1", ["--index", "default"]) }
    #expect(error?.code == .usage && error?.message.contains("other") == true)
  }

  @Test(arguments: ["0", "-1", "x", "a/b", "a/versions/", "a/versions/0", "/versions/1", "a/versions/1/2"])
  func `What names no version is wrong usage`(text: String) {
    #expect(throws: CLIError.self) { try name(text) }
  }

  @Test func `A label's name stands once, by its bytes or by what is seen of it`() throws {
    #expect(try IndexPublishCommand.parse(["a=1", "b=x=y", "c="]) == ["a": "1", "b": "x=y", "c": ""])
    for labels in [["a=1", "a=2"], ["caf\u{E9}=1", "cafe\u{301}=2"]] {
      let error = #expect(throws: CLIError.self) { try IndexPublishCommand.parse(labels) }
      #expect(error?.code == .usage && error?.message.contains("caf\u{E9}") == true || labels[0] == "a=1")
    }
  }

  @Test func `A publication's two steps have keys of their own, and the same ones when it is repeated`() throws {
    let options = try ChangeOptions.parse(["--request-id", "r1"])
    #expect(options.promotion.requestID == "r1/promote" && options.change.requestID == "r1")
    #expect(try ChangeOptions.parse([]).promotion.requestID != "/promote")
  }
}
