// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import GRPCCore
import ServiceAPI
import SwiftProtobuf

struct IndexPromoteCommand: ServingChangeCommand {
  static let configuration = CommandConfiguration(
    commandName: "promote", abstract: "Let a version answer at once; the one that did is kept for rollback.",
    discussion: "Example:\n  illmrec index promote 3")

  @Argument(help: "Its number, or its whole name.", transform: NonEmpty.text)
  var version: String
  @OptionGroup var options: IndexOptions
  @OptionGroup var change: ChangeOptions

  func changedIndex() throws -> String { try options.index(ofVersion: version) }

  func ask(
    _ admin: IndexAdmin, _ present: Retrieval_ServingState, _ change: Retrieval_Change
  ) async throws -> Retrieval_ServingState {
    let name = try options.versionName(version)
    return try await admin.promoteVersion(
      .with {
        $0.version = name
        $0.change = change
      }
    ).servingState
  }

  func show(_ outcome: ServingOutcome) throws {
    outcome.tell("Promoted \(try options.versionName(version)).")
  }
}

struct IndexRollbackCommand: ServingChangeCommand {
  static let configuration = CommandConfiguration(
    commandName: "rollback", abstract: "Go back at once to the version that answered before.",
    discussion: "Example:\n  illmrec index rollback")

  @OptionGroup var options: IndexOptions
  @OptionGroup var change: ChangeOptions

  func ask(
    _ admin: IndexAdmin, _ present: Retrieval_ServingState, _ change: Retrieval_Change
  ) async throws -> Retrieval_ServingState {
    try await admin.rollbackVersion(.init(of: present.index, change)).servingState
  }

  func show(_ outcome: ServingOutcome) throws { outcome.tell("Rolled back.") }
}

struct IndexDeleteCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "delete", abstract: "Delete a version that neither answers nor is kept for rollback.",
    discussion: "Example:\n  illmrec index delete 3")

  @Argument(help: "Its number, or its whole name.", transform: NonEmpty.text)
  var version: String
  @OptionGroup var options: IndexOptions
  @OptionGroup var change: ChangeOptions

  func perform() async throws {
    let name = try options.versionName(version)
    let change = change.change
    let response = try await options.withAdmin { admin in
      try await admin.deleteVersion(
        .with {
          $0.name = name
          $0.change = change
        })
    }
    if options.json { return try JSONOutput.write(response) }
    Terminal.standardOutput.writeLine("Deleted \(name).")
  }
}

extension ServingOutcome {
  /// Says what was done, which version answers now, and the way back.
  fileprivate func tell(_ deed: String) { Terminal.standardOutput.writeLine(sentence(deed)) }

  /// - Parameter deed: what was asked for, as done.
  func sentence(_ deed: String) -> String {
    let now = isRepetition ? "" : "now "
    var line =
      "\(isRepetition ? Self.repetition : deed) Index \(after.index) \(now)answers from \(after.stableVersion)"
    if !after.previousStableVersion.isEmpty {
      line += "; `illmrec index rollback` goes back to \(after.previousStableVersion)"
    }
    return line + "."
  }
}
