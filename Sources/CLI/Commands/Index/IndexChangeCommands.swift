import ArgumentParser
import GRPCCore
import ServiceAPI
import SwiftProtobuf

struct IndexPromoteCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "promote", abstract: "Let a version answer at once; the one that did is kept for rollback.",
    discussion: "Example:\n  illmrec index promote 3")

  @Argument(help: "Its number, or its whole name.")
  var version: String
  @OptionGroup var options: IndexOptions
  @OptionGroup var change: ChangeOptions

  func perform() async throws {
    let name = try options.versionName(version)
    let change = change.change
    let rollout = try await options.withAdmin { admin in
      try await admin.promoteVersion(
        .with {
          $0.version = name
          $0.change = change
        }
      ).rollout
    }
    try options.show(rollout, "Promoted \(name).")
  }
}

struct IndexRollbackCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "rollback", abstract: "Go back at once to the version that answered before.",
    discussion: "Example:\n  illmrec index rollback")

  @OptionGroup var options: IndexOptions
  @OptionGroup var change: ChangeOptions

  func perform() async throws {
    let index = options.index
    let change = change.change
    let rollout = try await options.withAdmin { admin in
      try await admin.rollbackVersion(
        .with {
          $0.index = index
          $0.change = change
        }
      ).rollout
    }
    try options.show(rollout, "Rolled back.")
  }
}

struct IndexDeleteCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "delete", abstract: "Delete a version that neither answers nor is kept for rollback.",
    discussion: "Example:\n  illmrec index delete 3")

  @Argument(help: "Its number, or its whole name.")
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
