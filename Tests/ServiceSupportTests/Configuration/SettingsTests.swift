import ArgumentParser
import Foundation
import Logging
import Testing

@testable import ServiceSupport

private enum Keys {
  static let items = SettingKey<Int>("max-items", "Items", unit: "items", default: 10, allowed: .range(1...100))
  static let rate = SettingKey<Double>("rate", "Rate", unit: "seconds", default: 0.5, allowed: .range(0...2))
  static let level = SettingKey<String>("level", "Level", default: "low", allowed: .oneOf(["low", "high"]))
  static let directory = SettingKey<String>("data", "Directory of the data", placeholder: "dir")
  static let all: [any AnySettingKey] = [items, rate, level, directory]
}

@Suite struct SettingsTests {
  private func settings(
    flags: [FlagSetting?] = [], environment: [String: String] = [:], json: String? = nil
  ) throws -> Settings {
    guard let json else { return try Settings(keys: Keys.all, flags: flags, environment: environment) }
    let file = FileManager.default.temporaryDirectory.appending(path: "settings-\(UUID().uuidString).json")
    defer { try? FileManager.default.removeItem(at: file) }
    try Data(json.utf8).write(to: file)
    return try Settings(keys: Keys.all, flags: flags, environment: environment, file: file.path)
  }

  private func message(of body: () throws -> Settings) -> String {
    (#expect(throws: SettingsError.self) { _ = try body() })?.message ?? ""
  }

  @Test func flagsComeBeforeEnvironmentBeforeFileBeforeDefaults() throws {
    let json = #"{"max-items": 3, "rate": 1, "level": "high"}"#
    let environment = ["ILLMREC_MAX_ITEMS": "4", "ILLMREC_RATE": "0.25"]
    let all = try settings(flags: [Keys.items.flag(5)], environment: environment, json: json)
    #expect(try all.value(Keys.items) == 5)
    #expect(try all.value(Keys.rate) == 0.25)
    #expect(try all.value(Keys.level) == "high")
    #expect(all.metadata["max-items"] == "5 (flag)")
    #expect(all.metadata["rate"] == "0.25 (environment)")
    let defaults = try settings()
    #expect(try defaults.value(Keys.items) == 10)
    #expect(defaults.metadata["level"] == "low")
    #expect(defaults.optional(Keys.directory) == nil)
  }

  @Test func aRequiredKeyThatIsMissingIsAUsageError() throws {
    let all = try settings()
    let error = #expect(throws: SettingsError.self) { try all.value(Keys.directory) }
    #expect(error?.isUsage == true)
    #expect(
      error?.message.hasPrefix("--data is required: Directory of the data; it can also be given as ILLMREC_DATA")
        == true)
  }

  @Test func valuesOutOfRangeAreNamedWithTheirRange() {
    #expect(message { try settings(flags: [Keys.items.flag(0)]) } == "--max-items is 0; allowed: 1 to 100 items")
    #expect(
      message { try settings(environment: ["ILLMREC_RATE": "3"]) } == "ILLMREC_RATE is 3; allowed: 0 to 2 seconds"
    )
    #expect(message { try settings(json: #"{"level": "medium"}"#) }.contains(#"is medium; allowed: low, high"#))
  }

  @Test func onlyTheCommandLinesFaultsAreUsageErrors() {
    #expect((#expect(throws: SettingsError.self) { try settings(flags: [Keys.items.flag(0)]) })?.isUsage == true)
    #expect(
      (#expect(throws: SettingsError.self) { try settings(environment: ["ILLMREC_MAX_ITEMS": "0"]) })?.isUsage == false)
  }

  @Test func valuesOfAnotherTypeAreNamed() {
    #expect(
      message { try settings(environment: ["ILLMREC_MAX_ITEMS": "many"]) }
        == "ILLMREC_MAX_ITEMS is not of the type int; allowed: 1 to 100 items")
    #expect(message { try settings(json: #"{"max-items": "5"}"#) }.hasPrefix(#""max-items" in "#))
    #expect(message { try settings(json: #"{"max-items": 1.5}"#) }.contains("is not of the type int"))
  }

  @Test func unknownKeysInTheFileAreNamedWithTheKnownOnes() {
    let message = message { try settings(json: #"{"max-item": 5}"#) }
    #expect(message.hasPrefix(#""max-item" in "#))
    #expect(message.hasSuffix("is not a known key; known: data, level, max-items, rate"))
  }

  @Test(arguments: ["", "{", "[1]", "5", #"{"rate": {"x": 1}}"#, #"{"rate": [1, "a"]}"#, #"{"rate": null}"#])
  func filesOfAnotherShapeAreRefusedOrIgnoredWithoutACrash(json: String) throws {
    switch json {
    case #"{"rate": null}"#:
      #expect(try settings(json: json).value(Keys.rate) == 0.5)
    default:
      #expect(!message { try settings(json: json) }.isEmpty)
    }
  }

  @Test func aMissingFileIsNamed() {
    let error = #expect(throws: SettingsError.self) {
      try Settings(keys: Keys.all, environment: [:], file: "/nowhere/illmrec.json")
    }
    #expect(error?.message.hasPrefix("cannot read the configuration file /nowhere/illmrec.json: ") == true)
    #expect(error?.isUsage == false)
  }

  @Test func theHelpSaysUnitRangeDefaultAndVariable() {
    #expect(Keys.items.help.abstract == "Items. (items; 1 to 100; default: 10; env: ILLMREC_MAX_ITEMS)")
    #expect(Keys.directory.help.abstract == "Directory of the data. (env: ILLMREC_DATA)")
  }
}

@Suite struct ServiceOptionsTests {
  @Test func flagsReachTheSettings() throws {
    let options = try ServiceOptions.parse([
      "--host", "::1", "--port", "0", "--log-level", "debug", "--drain-timeout", "2.5",
    ])
    let settings = try options.resolve(keys: [], flags: [], defaultPort: 50052)
    #expect(settings.address == "[::1]:0")
    #expect(settings.logLevel == .debug)
    #expect(settings.drainTimeout == .seconds(2.5))
    #expect(settings.maxMessageBytes == 64 << 20)
    #expect(settings.portFile == nil)
  }

  @Test func theServicesPortIsTheDefault() throws {
    let settings = try ServiceOptions.parse([]).resolve(keys: [], flags: [], defaultPort: 50052)
    #expect(settings.address == "127.0.0.1:50052")
  }

  @Test func aBadFlagIsAValidationError() throws {
    let options = try ServiceOptions.parse(["--port", "70000"])
    let error = #expect(throws: ValidationError.self) {
      try options.resolve(keys: [], flags: [], defaultPort: 50052)
    }
    #expect(error?.message == "--port is 70000; allowed: 0 to 65535")
  }

  @Test func everyFlagIsInTheHelp() {
    let help = ServiceOptions.helpMessage(columns: 200)
    for key in ServiceOptions.Keys.all { #expect(help.contains("--\(key.name) ")) }
    #expect(help.contains("--config <file>"))
  }
}
