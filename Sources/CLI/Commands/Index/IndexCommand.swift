// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Basics
import Foundation
import GRPCCore
import GRPCTransport
import ServiceAPI
import SwiftProtobuf

struct IndexCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "index", abstract: "Publish versions of a retrieval index and choose the one that answers.",
    discussion: """
      An index has immutable versions, made from the encoder's catalog. The first one serves at once. A later one is brought \
      in by stages (`illmrec index rollout start`), or at once (`illmrec index promote`); `illmrec index rollback` goes back \
      to the one before.
      """,
    subcommands: [
      IndexPublishCommand.self, IndexListCommand.self, IndexShowCommand.self, RolloutCommand.self,
      IndexPromoteCommand.self, IndexRollbackCommand.self, IndexCompareCommand.self, IndexVerifyCommand.self,
      IndexLogCommand.self, IndexDeleteCommand.self,
    ])
}

typealias IndexAdmin = Retrieval_IndexAdminService.Client<CGrpcClientTransport>

/// Options that every index command takes.
struct IndexOptions: ParsableArguments {
  @Option(name: .customLong("index"), help: IndexName.help("The index's name."), transform: NonEmpty.text)
  var givenIndex: String?
  @OptionGroup var target: RetrievalTarget
  @Flag(help: "Print JSON instead of text.")
  var json = false

  var index: String { IndexName.chosen(givenIndex) ?? IndexName.byDefault }

  func validate() throws { try IndexName.check(givenIndex) }

  func withAdmin<Value: Sendable>(_ body: @Sendable (IndexAdmin) async throws -> Value) async throws -> Value {
    try await withService("retrieval service", at: target.retrieval) { try await body(IndexAdmin(wrapping: $0)) }
  }

  /// A version's full name from what a person types: "3", or the whole of "default/versions/3".
  func versionName(_ text: String) throws(CLIError) -> String {
    guard text.contains("/") else {
      guard let number = UInt64(text), number > 0 else {
        throw CLIError(.usage, "\"\(text)\" names no version; give its number or \"\(index)/versions/<number>\"")
      }
      return "\(index)/versions/\(number)"
    }
    let own = try index(ofVersion: text)
    if let chosen = IndexName.chosen(givenIndex), Identifier(chosen) != Identifier(own) {
      throw CLIError(.usage, "\(text) is a version of index \(own), and --index says \(chosen); leave one of them out")
    }
    return text
  }

  /// The index that a command about a version is about.
  func index(ofVersion text: String) throws(CLIError) -> String {
    guard text.contains("/") else { return index }
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 3, !parts[0].isEmpty, parts[1] == "versions", let number = UInt64(parts[2]), number > 0 else {
      throw CLIError(.usage, "\"\(text)\" names no version; give its number or \"\(index)/versions/<number>\"")
    }
    return String(parts[0])
  }
}

/// Options of every command that changes what serves: they end up in the audit log.
struct ChangeOptions: ParsableArguments {
  @Option(help: "Why, for the audit log.")
  var reason = ""
  @Option(
    help: ArgumentHelp("Who, for the audit log. (default: user@host)", valueName: "name"), transform: NonEmpty.text)
  var actor: String?
  @Option(
    help: ArgumentHelp(
      "Refuse unless this is the serving state's etag (illmrec index rollout status --json).", valueName: "etag"))
  var etag = ""
  @Option(
    name: .customLong("request-id"),
    help: ArgumentHelp("Idempotency key: a repetition changes nothing. (default: a new one)", valueName: "id"),
    transform: NonEmpty.text)
  var requestID: String?

  /// Who runs the command.
  static var person: String { "\(NSUserName())@\(ProcessInfo.processInfo.hostName)" }

  /// Of a publication's second step: an idempotency key is one change's.
  var promotion: Retrieval_Change {
    var change = change
    if let requestID { change.requestID = requestID + "/promote" }
    return change
  }

  var change: Retrieval_Change {
    .with {
      $0.actor = actor ?? Self.person
      $0.reason = reason
      $0.etag = etag
      $0.requestID = requestID ?? UUID().uuidString
    }
  }
}

extension Retrieval_Role {
  /// As people read it.
  var text: String {
    switch self {
    case .stable: "stable"
    case .previous: "previous"
    case .canary: "canary"
    case .shadow: "shadow"
    case .pinned: "pinned"
    case .unspecified, .UNRECOGNIZED: "-"
    }
  }
}
