// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import GRPCProtobuf
import ServiceAPI
import ServiceSupport
import ServiceTestSupport
import SwiftProtobuf
import Synchronization
import Testing

@testable import CLI

/// Plays one list of serving states to each call that watches, the last of which ends like a service that goes away.
private final class ScriptedWatch: RegistrableRPCService {
  private let scripts: Mutex<[[Retrieval_ServingState]]>
  private let trail: [Retrieval_AuditEntry]

  /// - Parameter trail: oldest first.
  init(_ scripts: [[Retrieval_ServingState]], trail: [Retrieval_AuditEntry] = []) {
    self.scripts = Mutex(scripts)
    self.trail = trail
  }

  func registerMethods(with router: inout RPCRouter<some ServerTransport>) {
    typealias Method = Retrieval_IndexAdminService.Method
    router.registerHandler(
      forMethod: Method.WatchRollout.descriptor, deserializer: ProtobufDeserializer<Retrieval_WatchRolloutRequest>(),
      serializer: ProtobufSerializer<Retrieval_WatchRolloutResponse>()
    ) { [self] _, _ in
      let script = scripts.withLock { $0.isEmpty ? [] : $0.removeFirst() }
      return StreamingServerResponse { writer in
        for state in script { try await writer.write(.with { $0.servingState = state }) }
        throw RPCError(code: .unavailable, message: "the connection is gone")
      }
    }
    router.registerHandler(
      forMethod: Method.ListAuditEntries.descriptor,
      deserializer: ProtobufDeserializer<Retrieval_ListAuditEntriesRequest>(),
      serializer: ProtobufSerializer<Retrieval_ListAuditEntriesResponse>()
    ) { [self] _, _ in
      StreamingServerResponse(single: ServerResponse(message: .with { $0.entries = trail.reversed() }))
    }
  }
}

@Suite("A rollout is watched to its own end", .timeLimit(.minutes(60))) struct RolloutWatchTests {
  private static func state(_ number: UInt64, _ phase: Retrieval_RolloutPhase) -> Retrieval_ServingState {
    .with {
      ($0.index, $0.generation) = ("default", number)
      ($0.rollout.number, $0.rollout.phase) = (number, phase)
      $0.rollout.plan.stages = [.with { $0.canaryPermille = 100 }]
    }
  }

  private static func entry(
    _ number: UInt64, _ kind: Retrieval_AuditAction, _ detail: String = ""
  ) -> Retrieval_AuditEntry {
    .with { ($0.number, $0.kind, $0.detail) = (number, kind, detail) }
  }

  private func follow(
    _ service: ScriptedWatch, limit: Duration = .seconds(600)
  ) async throws -> Retrieval_RolloutPhase {
    let screen = LiveScreen(terminal: Terminal(descriptor: -1, isInteractive: false, usesColour: false))
    let watch = RolloutWatch(
      .with { $0.index = "default" }, on: screen, asJSON: false,
      patience: .init(pause: .milliseconds(1), limit: limit))
    return try await withServicesOverLoopback([service]) { client in
      try await watch.follow { look in try await look(IndexAdmin(wrapping: client)) }
    }
  }

  @Test(arguments: [Retrieval_AuditAction.rolloutRolledBack, .rolloutSucceeded, .recovered])
  func `The rollout met first decides, when another one has begun and ended before anybody looked`(
    end: Retrieval_AuditAction
  ) async throws {
    let trail = [
      Self.entry(7, .rolloutStarted, "rollout 1, stage 1 of 1"), Self.entry(8, end),
      Self.entry(9, .rolloutStarted, "rollout 2, stage 1 of 1"),
      Self.entry(10, end == .rolloutSucceeded ? .rolloutRolledBack : .rolloutSucceeded),
    ]
    for second in [Retrieval_RolloutPhase.running, end == .rolloutSucceeded ? .rolledBack : .succeeded] {
      let service = ScriptedWatch([[Self.state(1, .running), Self.state(2, second)]], trail: trail)
      #expect(try await follow(service) == (end == .rolloutSucceeded ? .succeeded : .rolledBack))
    }
  }

  @Test func `A service that goes away while the rollout is under way is asked again when it is back`() async throws {
    let service = ScriptedWatch([
      [Self.state(1, .running)], [], [Self.state(1, .running)], [Self.state(1, .rolledBack)],
    ])
    #expect(try await follow(service) == .rolledBack)
  }

  @Test func `One that is not there at first, or stays away, is an error`() async throws {
    await #expect(throws: RPCError.self) { try await follow(ScriptedWatch([[], [Self.state(1, .succeeded)]])) }
    await #expect(throws: RPCError.self) {
      try await follow(ScriptedWatch([[Self.state(1, .running)]]), limit: .milliseconds(20))
    }
  }

  @Test func `Where none is under way there is nothing to wait for`() async throws {
    let none = Retrieval_ServingState.with { $0.index = "default" }
    #expect(try await follow(ScriptedWatch([[none]])) == .unspecified)
    #expect(try await follow(ScriptedWatch([[Self.state(3, .rolledBack)]])) == .rolledBack)
  }
}
