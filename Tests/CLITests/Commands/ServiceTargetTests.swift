// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ServiceSupport
import Testing

@testable import CLI

@Suite("Commands ask the services that the flag or the variable names") struct ServiceTargetTests {
  @Test(arguments: CalledService.allCases)
  func `The flag goes before the variable, and the variable before the default`(service: CalledService) throws {
    let variable = "ILLMREC_" + service.rawValue.uppercased()
    #expect(try service.target(nil, [:]) == service.defaultTarget)
    #expect(try service.target(nil, [variable: "staging:1"]) == "staging:1")
    #expect(try service.target("here:2", [variable: "staging:1"]) == "here:2")
    for wrong in ["", "staging:66051", "http://staging:1"] {
      let error = #expect(throws: SettingsError.self) { try service.target(nil, [variable: wrong]) }
      #expect(error?.isUsage == true && error?.message.contains(variable) == true)
    }
    #expect(EnvironmentVariables.settings.contains(service.rawValue), "known, so that it is not refused")
  }

  @Test(arguments: [
    (["index", "list"], "--retrieval"), (["catalog", "list"], "--encoder"), (["training", "list"], "--llm"),
    (["recommend", "--items", "1"], "--gateway"), (["catalog", "encode", "--items", "a.jsonl"], "--encoder"),
  ])
  func `A port beyond 65535 is wrong usage`(command: [String], option: String) {
    let error = #expect(throws: (any Error).self) {
      _ = try IllmrecCommand.parseAsRoot(command + [option, "127.0.0.1:66051"])
    }
    guard let error else { return }
    #expect(IllmrecCommand.exitCode(for: error) == .validationFailure)
    #expect(IllmrecCommand.message(for: error).contains("66051") && IllmrecCommand.message(for: error).contains(option))
  }

  @Test func `Help tells the defaults and the variables`() {
    let expected: [(command: any ParsableCommand.Type, parts: [String])] = [
      (
        IndexPublishCommand.self,
        ["127.0.0.1:50051", "127.0.0.1:50053", "ILLMREC_ENCODER", "ILLMREC_RETRIEVAL", "ILLMREC_INDEX"]
      ),
      (RolloutStartCommand.self, ["ILLMREC_RETRIEVAL", "default: default", "default: 10%", "default: 10m"]),
      (CatalogEncodeCommand.self, ["127.0.0.1:50051", "ILLMREC_ENCODER"]),
      (TrainingLoadCommand.self, ["127.0.0.1:50051", "127.0.0.1:50052", "ILLMREC_LLM"]),
      (RecommendCommand.self, ["127.0.0.1:50050", "ILLMREC_GATEWAY", "ILLMREC_INDEX"]),
      (EvaluateCommand.self, ["ILLMREC_RETRIEVAL", "default: default"]),
    ]
    for (command, parts) in expected {
      // Lines are wrapped anywhere between words.
      let help = IllmrecCommand.helpMessage(for: command).split(whereSeparator: \.isWhitespace).joined(separator: " ")
      for part in parts { #expect(help.contains(part), "\(command): \(part)") }
    }
  }
}
