// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import Logging
import TestSupport
import Testing

@testable import ServiceSupport

private struct Example: SettingGroup {
  @Setting("max-items", "Items", unit: "items", allowed: .range(1...100)) var items = 10
  @Setting("rate", "Rate", unit: "seconds", allowed: .range(0...2)) var rate = 0.5
  @Setting("level", "Level", allowed: .oneOf(["low", "high"])) var level = "low"
  @Setting("data", "Directory of the data", placeholder: "dir") var directory: String?
  /// Not configured.
  var other = 7
}

private struct Required: SettingGroup {
  @Setting("data", "Directory of the data", placeholder: "dir") var directory: String
}

private struct Several: SettingGroup {
  @Setting("checkpoint", "Directory of the checkpoint", placeholder: "dir") var checkpoints: SettingList
  @Setting("model-name", "Its name", placeholder: "name") var names: SettingList?
}

@Suite("Settings come from flags, environment and a file") struct SettingsTests {
  private func settings(
    flags: [String] = [], environment: [String: String] = [:], json: String? = nil
  ) throws -> Settings {
    let given = try SettingFlags<Example>.parse(flags).given
    guard let json else { return try Settings(keys: Example.keys, flags: given, environment: environment) }
    let file = FileManager.default.temporaryDirectory.appending(path: "settings-\(UUID().uuidString).json")
    defer { try? FileManager.default.removeItem(at: file) }
    try Data(json.utf8).write(to: file)
    return try Settings(keys: Example.keys, flags: given, environment: environment, file: file.path)
  }

  private func message(of body: () throws -> Settings) -> String {
    (#expect(throws: SettingsError.self) { _ = try body() })?.message ?? ""
  }

  @Test func `Flags come before the environment, it before the file, and that before defaults`() throws {
    let json = #"{"max-items": 3, "rate": 1, "level": "high"}"#
    let environment = ["ILLMREC_MAX_ITEMS": "4", "ILLMREC_RATE": "0.25"]
    let all = try settings(flags: ["--max-items", "5"], environment: environment, json: json)
    let example = try all.read(Example.self)
    #expect(example.items == 5)
    #expect(example.rate == 0.25)
    #expect(example.level == "high")
    #expect(all.metadata["max-items"] == "5 (flag)")
    #expect(all.metadata["rate"] == "0.25 (environment)")
    let defaults = try settings()
    #expect(try defaults.read(Example.self).items == 10)
    #expect(defaults.metadata["level"] == "low")
    #expect(try defaults.read(Example.self).directory == nil)
  }

  @Test func `A group is a list of its settings`() {
    #expect(Example.keys.map(\.name) == ["max-items", "rate", "level", "data"])
    var example = Example()
    #expect(example.items == 10 && example.directory == nil && example.other == 7)
    example.items = 11
    #expect(example.items == 11 && Example().items == 10)
    #expect(example.$items.environmentName == "ILLMREC_MAX_ITEMS")
  }

  @Test func `A list is given by repeating its flag, in the environment by commas, in a file as a list`() throws {
    func read(
      _ flags: [String] = [], environment: [String: String] = [:], json: String? = nil
    ) throws -> Several {
      let given = try SettingFlags<Several>.parse(flags).given
      let file = FileManager.default.temporaryDirectory.appending(path: "settings-\(UUID().uuidString).json")
      defer { try? FileManager.default.removeItem(at: file) }
      if let json { try Data(json.utf8).write(to: file) }
      return try Settings(
        keys: Several.keys, flags: given, environment: environment, file: json == nil ? nil : file.path
      ).read(Several.self)
    }
    let flags = try read(["--checkpoint", "a,b", "--checkpoint", "c", "--model-name", "n"])
    #expect(flags.checkpoints.values == ["a,b", "c"] && flags.names?.values == ["n"])
    #expect(try read(environment: ["ILLMREC_CHECKPOINT": "a,c"]).checkpoints.values == ["a", "c"])
    #expect(try read(json: #"{"checkpoint": ["a", "c"]}"#).checkpoints.values == ["a", "c"])
    let one = try read(json: #"{"checkpoint": "a,b"}"#)
    #expect(one.checkpoints.values == ["a,b"] && one.names == nil)
    let error = #expect(throws: SettingsError.self) { try read(json: #"{"checkpoint": 3}"#) }
    #expect(error?.message.contains("\"checkpoint\" in ") == true)
    for flags in [["--checkpoint", ""], ["--checkpoint", "a", "--checkpoint", ""]] {
      let empty = #expect(throws: SettingsError.self) { try read(flags) }
      #expect(empty?.message == "--checkpoint is empty; give a value or leave it out")
    }
    #expect(throws: SettingsError.self) { try read(environment: ["ILLMREC_CHECKPOINT": "a,,c"]) }
    #expect(throws: SettingsError.self) { try read(json: #"{"checkpoint": []}"#) }
    #expect(#expect(throws: SettingsError.self) { try read() }?.message.hasPrefix("--checkpoint is required") == true)
  }

  @Test func `A required setting that is missing is a usage error`() throws {
    let all = try Settings(keys: Required.keys, environment: [:])
    let error = #expect(throws: SettingsError.self) { try all.read(Required.self) }
    #expect(error?.isUsage == true)
    #expect(
      error?.message.hasPrefix("--data is required: Directory of the data; it can also be given as ILLMREC_DATA")
        == true)
    let given = try Settings(keys: Required.keys, environment: ["ILLMREC_DATA": "here"])
    #expect(try given.read(Required.self).directory == "here")
  }

  @Test func `Values out of range are named with their range`() {
    #expect(message { try settings(flags: ["--max-items", "0"]) } == "--max-items is 0; allowed: 1 to 100 items")
    #expect(
      message { try settings(environment: ["ILLMREC_RATE": "3"]) } == "ILLMREC_RATE is 3; allowed: 0 to 2 seconds"
    )
    #expect(message { try settings(json: #"{"level": "medium"}"#) }.contains(#"is medium; allowed: low, high"#))
  }

  @Test(
    arguments: [
      (["--max-items", "0"], [:], nil), ([], ["ILLMREC_MAX_ITEMS": "0"], nil), ([], ["ILLMREC_MAX_ITEMS": "abc"], nil),
      ([], [:], #"{"max-items": 0}"#), ([], [:], #"{"max-items": "5"}"#), ([], [:], #"{"max-item": 5}"#),
      ([], [:], "{"),
      ([], [:], #"{"rate": {"x": 1}}"#), ([], [:], #"{"rate": [1, "a"]}"#), ([], ["ILLMREC_MAX_ITEM": "5"], nil),
    ] as [([String], [String: String], String?)])
  func `What was typed wrongly is a usage error wherever it stands`(
    flags: [String], environment: [String: String], json: String?
  ) {
    let error = #expect(throws: SettingsError.self) {
      try settings(flags: flags, environment: environment, json: json)
    }
    #expect(error?.isUsage == true)
  }

  @Test func `Empty values are refused by name`() {
    #expect(message { try settings(flags: ["--data", ""]) } == "--data is empty; give a value or leave it out")
    #expect(message { try settings(environment: ["ILLMREC_DATA": ""]) }.hasPrefix("ILLMREC_DATA is empty; "))
    #expect(message { try settings(json: #"{"data": ""}"#) }.hasPrefix(#""data" in "#))
    #expect(throws: ValidationError.self) {
      try ServiceOptions.parse(["--config", ""]).resolve(defaultPort: 50052)
    }
  }

  @Test func `A variable that nobody reads is refused with the nearest known name`() throws {
    #expect(
      message { try settings(environment: ["ILLMREC_MAX_ITEM": "5"]) }
        == "ILLMREC_MAX_ITEM is no variable that illmrec knows; did you mean ILLMREC_MAX_ITEMS? Else unset it")
    #expect(
      message { try settings(environment: ["ILLMREC_QWERTY": "5"]) }
        == "ILLMREC_QWERTY is no variable that illmrec knows; unset it")
  }

  @Test(arguments: [
    ["ILLMREC_STORE": "of another service"], ["ILLMREC_SHARED": "../shared"], ["ILLMREC_KILLS": "3"],
    ["ILLMREC_MILVUS_TOKEN": "secret"], ["ILLMREC_LLM_SERVICE_HOST": "10.0.0.1"],
    ["ILLMREC_LLM_PORT": "tcp://10.0.0.1:50052"], ["ILLMREC_LLM_PORT_50052_TCP_ADDR": "10.0.0.1"], ["OTHER": "x"],
  ])
  func `Variables of other services, of tests and of Kubernetes may be there`(environment: [String: String]) throws {
    #expect(try settings(environment: environment).read(Example.self).items == 10)
  }

  @Test(arguments: [
    #"{"max-items": 5, "rate": 1, "max-items": 6}"#, #"{"max-items": 5, "max\u002ditems": 5}"#,
    #"{ "max-items" : 5 , "level": "a\"b", "max-items"\#t: 5}"#,
  ])
  func `A key that stands twice in the file is refused by name`(json: String) {
    let message = message { try settings(json: json) }
    #expect(message.hasPrefix(#""max-items" stands twice in "#))
  }

  @Test func `A value that looks like a key is none`() throws {
    #expect(try settings(json: #"{"data": "rate", "rate": 1, "level": "low"}"#).read(Example.self).rate == 1)
  }

  @Test func `Values of another type are named`() {
    #expect(
      message { try settings(environment: ["ILLMREC_MAX_ITEMS": "many"]) }
        == "ILLMREC_MAX_ITEMS is not of the type int; allowed: 1 to 100 items")
    #expect(message { try settings(json: #"{"max-items": "5"}"#) }.hasPrefix(#""max-items" in "#))
    #expect(message { try settings(json: #"{"max-items": 1.5}"#) }.contains("is not of the type int"))
  }

  @Test func `Unknown keys in the file are named with the known ones`() {
    let message = message { try settings(json: #"{"max-item": 5}"#) }
    #expect(message.hasPrefix(#""max-item" in "#))
    #expect(message.hasSuffix(#"is not a known key; did you mean "max-items"?; known: data, level, max-items, rate"#))
  }

  @Test(arguments: ["", "{", "[1]", "5", #"{"rate": {"x": 1}}"#, #"{"rate": [1, "a"]}"#, #"{"rate": null}"#])
  func `Files of another shape are refused or ignored without a crash`(json: String) throws {
    switch json {
    case #"{"rate": null}"#:
      #expect(try settings(json: json).read(Example.self).rate == 0.5)
    case "":
      #expect(message { try settings(json: json) }.contains("is empty; write {}"))
    default:
      #expect(!message { try settings(json: json) }.isEmpty)
    }
  }

  @Test func `A missing file is named`() {
    let error = #expect(throws: SettingsError.self) {
      try Settings(keys: Example.keys, environment: [:], file: "/nowhere/illmrec.json")
    }
    #expect(error?.message.hasPrefix("cannot read the configuration file /nowhere/illmrec.json: ") == true)
    #expect(error?.isUsage == false)
  }

  @Test func `The help says unit range default and variable`() {
    let help = SettingFlags<Example>.helpMessage(columns: 200)
    #expect(help.contains("Items. (items; 1 to 100; default: 10; env: ILLMREC_MAX_ITEMS)"))
    #expect(help.contains("Directory of the data. (env: ILLMREC_DATA)"))
  }
}

@Suite("Options are common to all services") struct ServiceOptionsTests {
  @Test func `Flags reach the settings`() throws {
    let options = try ServiceOptions.parse([
      "--host", "::1", "--port", "0", "--log-level", "debug", "--drain-timeout", "2.5",
    ])
    let settings = try options.resolve(defaultPort: 50052)
    #expect(settings.address == "[::1]:0")
    #expect(settings.logLevel == .debug)
    #expect(settings.drainTimeout == .seconds(2.5))
    #expect(settings.maxMessageBytes == 64 << 20)
    #expect(settings.portFile == nil)
  }

  @Test func `A configuration that is only checked is printed with its sources`() throws {
    let settings = try ServiceOptions.parse(["--check-config", "--host", "::1"]).resolve(defaultPort: 50052)
    #expect(settings.isOnlyChecked)
    let lines = settings.all.description.split(separator: "\n")
    #expect(lines.contains { $0.hasPrefix("host ") && $0.contains(" ::1  (") })
    #expect(lines.contains { $0.hasPrefix("log-level ") && $0.hasSuffix(" info") })
    #expect(try !ServiceOptions.parse([]).resolve(defaultPort: 1).isOnlyChecked)
  }

  @Test func `A socket's path is an address by itself`() throws {
    let settings = try ServiceOptions.parse(["--host", "unix:/run/illmrec.sock"]).resolve(defaultPort: 50052)
    #expect(settings.address == "unix:/run/illmrec.sock")
  }

  @Test func `The memory for messages follows their size`() throws {
    let settings = try ServiceOptions.parse(["--max-message-bytes", "1048576"]).resolve(defaultPort: 1)
    #expect(settings.maxDecodedBytes == 4 << 20 && settings.maxBytesInProgress == 6 << 20)
    let other = try ServiceOptions.parse(["--max-decoded-bytes", "1073741824"]).resolve(defaultPort: 1)
    #expect(other.maxDecodedBytes == 1 << 30 && other.maxBytesInProgress == 1 << 30)
  }

  @Test func `The service's port is the default`() throws {
    let settings = try ServiceOptions.parse([]).resolve(defaultPort: 50052)
    #expect(settings.address == "127.0.0.1:50052")
  }

  @Test func `A bad flag is a validation error`() throws {
    let options = try ServiceOptions.parse(["--port", "70000"])
    let error = #expect(throws: ValidationError.self) {
      try options.resolve(defaultPort: 50052)
    }
    #expect(error?.message == "--port is 70000; allowed: 0 to 65535")
  }

  @Test func `Every flag is in the help`() {
    let help = ServiceOptions.helpMessage(columns: 200)
    for key in ServiceSettings.keys { #expect(help.contains("--\(key.name) ")) }
    #expect(help.contains("--config <file>"))
  }
}
