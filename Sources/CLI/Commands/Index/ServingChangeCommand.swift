// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import ServiceAPI
import ServiceSupport
import SwiftProtobuf

/// A command that asks for a change of what serves an index, and shows what became of it.
protocol ServingChangeCommand: ReportingCommand, Sendable {
  var options: IndexOptions { get }
  var change: ChangeOptions { get }

  /// The index that the change is about.
  func changedIndex() throws -> String

  /// - Parameters:
  ///   - present: what serves, as the command has read it. A change that is decided by it sends its etag
  ///     (``Retrieval_Change/decided(by:)``).
  ///   - change: who asks and why.
  func ask(
    _ admin: IndexAdmin, _ present: Retrieval_ServingState, _ change: Retrieval_Change
  ) async throws -> Retrieval_ServingState

  /// Shows people what serves now: the rollout, unless the command says something else.
  func show(_ outcome: ServingOutcome) throws
}

/// What a command has read before its change, and what the change was answered with.
struct ServingOutcome: Sendable {
  let before: Retrieval_ServingState
  let after: Retrieval_ServingState

  /// Nothing has changed: it was so already, or the request is a repetition of one that was answered before.
  var isRepetition: Bool { before.generation == after.generation }

  static let repetition = "Nothing was changed: it is so already, or a request with this id was answered before."
}

extension ServingChangeCommand {
  func changedIndex() throws -> String { options.index }

  func perform() async throws {
    let (index, change) = (try changedIndex(), change.change)
    let outcome = try await options.withAdmin { try await self.outcome($0, of: index, change) }
    if options.json { return try JSONOutput.write(outcome.after) }
    try show(outcome)
  }

  func outcome(
    _ admin: IndexAdmin, of index: String, _ change: Retrieval_Change
  ) async throws -> ServingOutcome {
    let before = try await admin.getServingState(.with { $0.index = index }).servingState
    do {
      return ServingOutcome(before: before, after: try await ask(admin, before, change))
    } catch let error as RPCError where error.reason == FailureReason.etagMismatch.rawValue {
      let now = try await admin.getServingState(.with { $0.index = index }).servingState
      throw CLIError(.service, Self.stale(before, now), cause: error)
    }
  }

  /// What has changed since the decision, and what to do.
  private static func stale(_ before: Retrieval_ServingState, _ now: Retrieval_ServingState) -> String {
    let seen = before.etag == now.etag ? "" : " When the command looked, it \(before.position)."
    return "what serves index \(now.index) has changed meanwhile, and nothing was changed by this command.\(seen) Now "
      + "it \(now.position). Look at `illmrec index rollout status --index \(now.index)` and decide again"
  }

  func show(_ outcome: ServingOutcome) throws {
    RolloutView(outcome.after, nil).write(to: .standardOutput)
    if outcome.isRepetition { Terminal.standardOutput.writeLine(ServingOutcome.repetition) }
  }
}

extension Retrieval_Change {
  /// This change, which holds only while `state` is what serves: by it it was decided. An etag that the person gave goes first.
  func decided(by state: Retrieval_ServingState) -> Retrieval_Change {
    var change = self
    if change.etag.isEmpty { change.etag = state.etag }
    return change
  }
}

extension Retrieval_ServingState {
  /// "answers from default/versions/1, and rollout 2 of default/versions/3 is running, stage 2 of 4 (10%)"
  var position: String {
    let answer = stableVersion.isEmpty ? "answers from no version" : "answers from \(stableVersion)"
    guard hasRollout else { return answer }
    let stage = isUnderWay ? ", \(stageText)" : ""
    let why = rollout.reason.isEmpty || isUnderWay ? "" : " (\(rollout.reason))"
    return "\(answer), and rollout \(rollout.number) of \(rollout.candidateVersion) is \(rollout.phase.word)"
      + "\(stage)\(why)"
  }

  /// "stage 2 of 4 (10%)"
  var stageText: String {
    let share = rollout.presentStage.map { " (\($0.shareText))" } ?? ""
    return "stage \(rollout.stage + 1) of \(rollout.plan.stages.count)\(share)"
  }
}
