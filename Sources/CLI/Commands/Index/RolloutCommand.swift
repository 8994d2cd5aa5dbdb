// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Basics
import Foundation
import GRPCCore
import ServiceAPI
import ServiceSupport
import SwiftProtobuf

struct RolloutCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rollout", abstract: "Bring a version in by stages, watched by gates that roll it back.",
    discussion: """
      Each stage gives the candidate a share of the users, the same ones every time; a shadow stage gives it none and only \
      compares. A stage ends by itself after its time, on its samples, with every gate open; a gate that fails rolls back.

      docs/rollouts.md walks through one.
      """,
    subcommands: [
      RolloutStartCommand.self, RolloutStatusCommand.self, RolloutWatchCommand.self, RolloutPromoteCommand.self,
      RolloutPauseCommand.self, RolloutResumeCommand.self, RolloutRollbackCommand.self, RolloutReportCommand.self,
    ])
}

struct RolloutStartCommand: ServingChangeCommand {
  static let configuration = CommandConfiguration(
    commandName: "start", abstract: "Begin to bring a version in.",
    discussion: """
      Examples:
        illmrec index rollout start 3 --min-overlap 0.3
        illmrec index rollout start 3 --stage 1%:10m:1000 --stage 10%:1h --stage 100%:1h:manual --outcome click:0.01:500
      """)

  @Argument(help: "Its number, or its whole name.", transform: NonEmpty.text)
  var version: String
  @OptionGroup var plan: RolloutPlanArguments
  @OptionGroup var options: IndexOptions
  @OptionGroup var change: ChangeOptions

  func changedIndex() throws -> String {
    // What was typed wrongly is told before a service is asked.
    _ = try plan.plan()
    return try options.index(ofVersion: version)
  }

  func ask(
    _ admin: IndexAdmin, _ present: Retrieval_ServingState, _ change: Retrieval_Change
  ) async throws -> Retrieval_ServingState {
    let request = try Retrieval_StartRolloutRequest.with {
      $0.version = try options.versionName(version)
      $0.plan = try plan.plan()
      $0.change = change
    }
    do {
      return try await admin.startRollout(request).servingState
    } catch let error as RPCError where error.code == .invalidArgument {
      // The rules of a plan are the service's, and what breaks them was typed here.
      throw CLIError(.usage, error.summary, cause: error)
    }
  }

  func show(_ outcome: ServingOutcome) throws {
    RolloutView(outcome.after, nil).write(to: .standardOutput)
    if outcome.isRepetition { Terminal.standardOutput.writeLine(ServingOutcome.repetition) }
    guard outcome.after.isUnderWay else { return }
    Terminal.standardOutput.writeLine("`illmrec index rollout watch` shows how it goes.")
  }
}

struct RolloutStatusCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "Show where the rollout is and what was measured.",
    discussion: "Example:\n  illmrec index rollout status --json")

  @OptionGroup var options: IndexOptions

  func perform() async throws {
    let (index, json) = (options.index, options.json)
    let (response, trail) = try await options.withAdmin { admin in
      let response = try await admin.getServingState(.with { $0.index = index })
      let serving = response.servingState
      let needsTrail = serving.hasRollout && !json
      return (
        response,
        needsTrail ? try await RolloutTrail.entries(of: index, rollout: serving.rollout.number, admin) : []
      )
    }
    if json { return try JSONOutput.write(response) }
    RolloutView(response.servingState, response.hasFigures ? response.figures : nil, trail: trail).write(
      to: .standardOutput)
  }
}

struct RolloutWatchCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "watch", abstract: "Watch the rollout until it ends.",
    discussion: """
      On a terminal the view is redrawn in place and wraps at its width, elsewhere a line is written at each change, with who \
      made it and why, and once an interval; with --json each of them is an object. Ctrl-C stops watching; the rollout goes on.

      The rollout that is under way first is followed to its end, when another one has begun since as well, and when the service \
      restarts. One that stays away for two minutes ends the command.

      Exit codes: 0 it succeeded or there is none, 2 it was rolled back, 130 interrupted, 143 ended by SIGTERM.

      Example:
        illmrec index rollout watch --interval 5s
      """)

  @Option(help: ArgumentHelp("Between two looks without a change.", valueName: "duration"), transform: NonEmpty.text)
  var interval = "1s"
  @OptionGroup var options: IndexOptions

  func perform() async throws {
    let request = try Retrieval_WatchRolloutRequest.with {
      $0.index = options.index
      $0.interval = try RolloutPlanArguments.duration(interval)
      $0.untilEnded = true
    }
    let chosen = options
    let screen = LiveScreen(terminal: .standardOutput)
    defer { screen.leave() }
    let watch = RolloutWatch(request, on: screen, asJSON: options.json)
    let phase = try await Interruption.cancelling {
      do {
        return try await watch.follow { try await chosen.withAdmin($0) }
      } catch  where Task.isCancelled {
        // Ctrl-C is the way to stop watching: nothing has gone wrong.
        throw ExitCode(Interruption.exitCode)
      }
    }
    if phase == .rolledBack { throw ExitCode(2) }
  }
}

struct RolloutPromoteCommand: ServingChangeCommand {
  static let configuration = CommandConfiguration(
    commandName: "promote", abstract: "Go on to the next stage now, or with --all make the candidate stable.",
    discussion: """
      What serves when the command looks must be what serves when the change is made: when a gate, or somebody else, was \
      quicker, nothing is changed. With --etag, what a person has looked at before.

      Example:
        illmrec index rollout promote --reason "clicks look fine"
      """)

  @Flag(help: "Skip the stages that are left.")
  var all = false
  @OptionGroup var options: IndexOptions
  @OptionGroup var change: ChangeOptions

  func ask(
    _ admin: IndexAdmin, _ present: Retrieval_ServingState, _ change: Retrieval_Change
  ) async throws -> Retrieval_ServingState {
    let decided = change.decided(by: present)
    guard all else { return try await admin.advanceRollout(.init(of: present.index, decided)).servingState }
    guard present.isUnderWay || present.hasReleasedCandidate else {
      throw CLIError(
        .invalidInput, "index \(present.index) has no rollout under way: it \(present.position). Nothing was changed")
    }
    return try await admin.promoteVersion(
      .with {
        $0.version = present.rollout.candidateVersion
        $0.change = decided
      }
    ).servingState
  }

  func show(_ outcome: ServingOutcome) throws {
    RolloutView(outcome.after, nil).write(to: .standardOutput)
    Terminal.standardOutput.writeLine(
      outcome.isRepetition
        ? ServingOutcome.repetition
        : "Before, it was in \(outcome.before.stageText).")
  }
}

extension Retrieval_ServingState {
  /// Its last rollout has ended with its candidate answering everybody, so that to promote it again changes nothing: who
  /// repeats a request that was answered learns so.
  fileprivate var hasReleasedCandidate: Bool {
    hasRollout && rollout.phase == .succeeded && Identifier(rollout.candidateVersion) == Identifier(stableVersion)
  }
}

struct RolloutPauseCommand: ServingChangeCommand {
  static let configuration = CommandConfiguration(
    commandName: "pause", abstract: "Stop the schedule; traffic stays as it is, and the gates go on watching.",
    discussion: "Example:\n  illmrec index rollout pause --reason \"over the weekend\"")

  @OptionGroup var options: IndexOptions
  @OptionGroup var change: ChangeOptions

  func ask(
    _ admin: IndexAdmin, _ present: Retrieval_ServingState, _ change: Retrieval_Change
  ) async throws -> Retrieval_ServingState {
    try await admin.pauseRollout(.init(of: present.index, change)).servingState
  }
}

struct RolloutResumeCommand: ServingChangeCommand {
  static let configuration = CommandConfiguration(
    commandName: "resume", abstract: "Let the schedule run again.",
    discussion: "Example:\n  illmrec index rollout resume")

  @OptionGroup var options: IndexOptions
  @OptionGroup var change: ChangeOptions

  func ask(
    _ admin: IndexAdmin, _ present: Retrieval_ServingState, _ change: Retrieval_Change
  ) async throws -> Retrieval_ServingState {
    try await admin.resumeRollout(.init(of: present.index, change)).servingState
  }
}

struct RolloutRollbackCommand: ServingChangeCommand {
  static let configuration = CommandConfiguration(
    commandName: "rollback", abstract: "End the rollout at once: the stable version answers everybody again.",
    discussion: "Example:\n  illmrec index rollout rollback --reason \"complaints\"")

  @OptionGroup var options: IndexOptions
  @OptionGroup var change: ChangeOptions

  func ask(
    _ admin: IndexAdmin, _ present: Retrieval_ServingState, _ change: Retrieval_Change
  ) async throws -> Retrieval_ServingState {
    try await admin.rollbackRollout(.init(of: present.index, change)).servingState
  }
}

struct RolloutReportCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "report", abstract: "What was measured of a rollout over its time: overlap, latency, outcomes.",
    discussion:
      "The page of --html has the plan, the gates with their intervals, and who did what and why as well.\n\nExample:\n  illmrec index rollout report --html report.html"
  )

  @Option(help: ArgumentHelp("The rollout's number; the last one by default.", valueName: "number"))
  var number: UInt64 = 0
  @Option(
    help: ArgumentHelp("Write a page of its own with plan, charts and audit trail.", valueName: "file"),
    transform: NonEmpty.text)
  var html: String?
  @OptionGroup var options: IndexOptions

  func perform() async throws {
    if let html { try OutputFile.requireWritable(html) }
    let (index, number, drawsPage) = (options.index, number, html != nil)
    let (report, trail) = try await options.withAdmin { admin in
      let report = try await admin.getRolloutReport(
        .with {
          $0.index = index
          $0.number = number
        })
      return (
        report,
        drawsPage ? try await RolloutTrail.entries(of: index, rollout: report.rollout.number, admin) : []
      )
    }
    if let html {
      try OutputFile.write(Data(RolloutPage(index: index, report: report, trail: trail).html.utf8), to: html)
    }
    if options.json { return try JSONOutput.write(report) }
    if let html { Terminal.standardOutput.writeLine("Wrote \(html).") }
    RolloutReportTable(report).write(to: .standardOutput)
  }
}

extension Retrieval_ServingState {
  /// Whether a rollout is in one of its stages.
  var isUnderWay: Bool { hasRollout && [.running, .paused].contains(rollout.phase) }
}
