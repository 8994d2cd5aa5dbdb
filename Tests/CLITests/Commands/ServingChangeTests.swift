// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import GRPCCore
import ServiceAPI
import ServiceTestSupport
import SwiftProtobuf
import Synchronization
import Testing

@testable import CLI

@Suite("What a command decides by what serves holds only while that serves", .timeLimit(.minutes(60)))
struct ServingChangeTests {
  private static func state(
    _ generation: UInt64, _ phase: Retrieval_RolloutPhase, stage: UInt32 = 0, stable: String = "default/versions/1"
  ) -> Retrieval_ServingState {
    .with {
      $0.index = "default"
      $0.stableVersion = stable
      ($0.generation, $0.etag) = (generation, "etag-\(generation)")
      $0.rollout.number = 1
      $0.rollout.candidateVersion = "default/versions/2"
      $0.rollout.baselineVersion = "default/versions/1"
      ($0.rollout.phase, $0.rollout.stage) = (phase, stage)
      $0.rollout.plan.stages = [10, 100, 500].map { share in .with { $0.canaryPermille = share } }
      if phase == .rolledBack { $0.rollout.reason = "gate overlap: 0.03" }
    }
  }

  private func outcome(
    of arguments: [String], _ admin: ScriptedAdmin
  ) async throws -> ServingOutcome {
    let command = try RolloutPromoteCommand.parse(arguments)
    return try await withServicesOverLoopback([admin]) { client in
      try await command.outcome(IndexAdmin(wrapping: client), of: "default", command.change.change)
    }
  }

  @Test(arguments: [[], ["--all"]])
  func `A rollout that a gate has ended meanwhile is neither gone on with nor promoted`(flags: [String]) async throws {
    let admin = ScriptedAdmin([Self.state(1, .running), Self.state(2, .rolledBack)])
    let error = await #expect(throws: CLIError.self) { try await outcome(of: flags, admin) }
    #expect(admin.etags.withLock(\.self) == ["etag-1"])
    #expect(error?.exitCode == 1)
    let parts = [
      "nothing was changed", "is running, stage 1 of 3 (1%)", "is rolled back (gate overlap: 0.03)", "status",
    ]
    for part in parts {
      #expect(error?.message.contains(part) == true, "\(part): \(error?.message ?? "")")
    }
  }

  @Test func `Two who go on at once skip no stage`() async throws {
    let admin = ScriptedAdmin([Self.state(1, .running), Self.state(2, .running, stage: 1)])
    let error = await #expect(throws: CLIError.self) { try await outcome(of: [], admin) }
    #expect(error?.message.contains("stage 2 of 3 (10%)") == true)
  }

  @Test func `A person's etag goes before what the command has read`() async throws {
    let admin = ScriptedAdmin([Self.state(7, .running)])
    await #expect(throws: CLIError.self) { try await outcome(of: ["--etag", "etag-6"], admin) }
    #expect(admin.etags.withLock(\.self) == ["etag-6"])
  }

  @Test func `Nothing is promoted after a rollout was rolled back, and a repetition after its success is`() async throws
  {
    let ended = ScriptedAdmin([Self.state(3, .rolledBack)])
    let error = await #expect(throws: CLIError.self) { try await outcome(of: ["--all"], ended) }
    #expect(error?.message.contains("no rollout under way") == true && ended.etags.withLock(\.isEmpty))

    let released = ScriptedAdmin([Self.state(3, .succeeded, stage: 2, stable: "default/versions/2")])
    #expect(try await outcome(of: ["--all", "--request-id", "r"], released).isRepetition)
  }

  @Test func `A repetition says what serves and not what was asked for`() {
    let serving = Self.state(9, .succeeded, stable: "default/versions/9")
    let repeated = ServingOutcome(before: serving, after: serving).sentence("Promoted default/versions/2.")
    #expect(!repeated.contains("Promoted") && repeated.contains("Nothing was changed"))
    #expect(repeated.contains("Index default answers from default/versions/9"))
    let made = ServingOutcome(before: Self.state(8, .succeeded), after: serving)
      .sentence("Promoted default/versions/9.")
    #expect(made.hasPrefix("Promoted default/versions/9. Index default now answers from default/versions/9"))
  }

  @Test func `An ended rollout is shown with the version that answers`() {
    let terminal = Terminal(descriptor: -1, isInteractive: false, usesColour: false)
    let ended = RolloutView(Self.state(4, .rolledBack, stable: "default/versions/5"), nil).lines(for: terminal)
    #expect(ended.contains("  index default answers from default/versions/5"))
    #expect(!RolloutView(Self.state(4, .running), nil).lines(for: terminal).contains { $0.contains("answers from") })
  }
}
