// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Basics
import Foundation
import GRPCTransport
import ServiceSupport
import Testing

@testable import CLI

/// The commands as `--experimental-dump-help` describes them.
private struct Dump: Decodable {
  struct Command: Decodable {
    let commandName: String
    let subcommands: [Command]?
    let arguments: [Argument]?
  }

  struct Argument: Decodable {
    let kind: String
    let preferredName: Name?
  }

  struct Name: Decodable {
    let kind: String
    let name: String
  }

  let command: Command

  /// Of every option that takes a value: the commands before it, and its name.
  static func options() throws -> [(path: [String], name: String)] {
    let error = #expect(throws: (any Error).self) {
      _ = try IllmrecCommand.parseAsRoot(["--experimental-dump-help"])
    }
    let text = error.map { IllmrecCommand.message(for: $0) } ?? ""
    return options(of: try JSONDecoder().decode(Dump.self, from: Data(text.utf8)).command, path: [])
  }

  private static func options(of command: Command, path: [String]) -> [(path: [String], name: String)] {
    let own = (command.arguments ?? []).filter { $0.kind == "option" }.compactMap { argument in
      argument.preferredName.map { (path: path, name: ($0.kind == "long" ? "--" : "-") + $0.name) }
    }
    return own + (command.subcommands ?? []).flatMap { options(of: $0, path: path + [$0.commandName]) }
  }
}

@Suite("Wrong usage is refused by name before any work") struct UsageTests {
  private func failure(_ arguments: [String]) -> (message: String, code: ExitCode)? {
    do {
      _ = try IllmrecCommand.parseAsRoot(arguments)
      return nil
    } catch {
      return (IllmrecCommand.message(for: error), IllmrecCommand.exitCode(for: error))
    }
  }

  @Test func `No option takes an empty value but texts that may be empty`() throws {
    // What the gateway and the services read is refused when it is resolved: SettingsTests.
    let mayBeEmpty: Set<String> = ["--title", "--reason", "--etag"]
    let options = try Dump.options().filter { $0.path != ["gateway"] && !mayBeEmpty.contains($0.name) }
    #expect(options.count > 150)
    for option in options {
      let failure = self.failure(option.path + [option.name, ""])
      #expect(
        failure?.message.contains(option.name) == true && failure?.code == .validationFailure,
        "\(option.path.joined(separator: " ")) \(option.name): \(failure?.message ?? "accepted")")
    }
  }

  @Test(arguments: [
    ["--steps", "0"], ["--batch-size", "0"], ["--batch-size", "999999999"], ["--epochs", "0"], ["--accumulation", "0"],
    ["--samples-per-user", "0"], ["--learning-rate", "0"], ["--learning-rate", "nan"], ["--warmup-steps", "-1"],
    ["--weight-decay", "-1"], ["--clip", "-1"], ["--max-interactions", "0"], ["--checkpoint-steps", "0"],
    ["--validation-steps", "0"], ["--patience", "0"], ["--threads", "0"], ["--max-tokens", "0"], ["--space-dim", "0"],
    ["--space-dim", "999999999"], ["--activation-memory", "-1"], ["--precision", "int8"], ["--spaces", "cf"],
    ["--steps", "5", "--warmup-steps", "5"],
  ])
  func `Training is refused before it reads anything`(flags: [String]) throws {
    let line = ["train", "--data", "d", "--checkpoint", "c", "--out", "o"] + flags
    let failure = try #require(self.failure(line))
    #expect(failure.code == .validationFailure)
    #expect(failure.message.contains(flags[flags.count - 2]))
  }

  @Test(arguments: [
    ["recommend", "--items", "1", "-k", "5000000000"], ["index", "log", "--limit", "0"],
    ["index", "compare", "1", "2", "--queries", "0"], ["evaluate", "d", "--resamples", "999999999"],
    ["demo", "--training-steps", "0"],
    ["features", "text", "--data", "d", "--encoder", "e", "--out", "o.npy", "--max-tokens", "0"],
  ])
  func `Numbers out of range are wrong usage`(line: [String]) throws {
    #expect(try #require(failure(line)).code == .validationFailure)
  }

  @Test func `What was typed wrongly exits with 64, what failed with 1`() throws {
    let typed: [any Error] = try [
      #require(throws: CLIError.self) { try RolloutPlanArguments.stage("foo", 0) },
      #require(throws: CLIError.self) { try RolloutPlanArguments.duration("5x") },
      SettingsError("ILLMREC_PORT is abc", isUsage: true), TransportError(code: .invalidAddress, message: "m"),
    ]
    for error in typed { #expect(CommandFailure(error)?.exitCode == 64) }
    let failed: [any Error] = [
      CLIError(.fileAccess, "m"), SettingsError("m"), TransportError(code: .addressUnavailable, message: "m"),
      SystemCallError("open", "p", errno: 2),
    ]
    for error in failed { #expect(CommandFailure(error)?.exitCode == 1) }
    #expect(CommandFailure(CancellationError())?.exitCode == 130)
    #expect(CommandFailure(ValidationError("m")) == nil)
  }

  @Test func `Errors are told without the names of cases and Foundation's numbers`() throws {
    let transport = TransportError(
      code: .invalidAddress, message: "the target is empty", cause: CocoaError(.fileReadNoSuchFile))
    #expect(transport.description.hasPrefix("the target is empty"))
    #expect(CommandFailure(transport)?.message == "the target is empty")
    #expect(CommandFailure(CocoaError(.fileWriteOutOfSpace))?.message == "No space left on device")
    let coded = CLIError(.fileAccess, "m", cause: CocoaError(.fileReadNoPermission))
    #expect(!coded.description.contains("Cocoa"))
    #expect(ErrorText.of(CocoaError(.fileReadNoPermission)) == "Permission denied")
    let unknown = ErrorText.of(CocoaError(.fileWriteUnknown))
    #expect(unknown.hasPrefix("the system gives no reason") && unknown.contains("check the path"))
  }
}
