// SPDX-License-Identifier: Apache-2.0

import Foundation
import RetrievalService
import ServiceAPI
import SwiftProtobuf
import TestSupport
import Testing

@Suite(
  "A rollout survives kill -9", .enabled(if: ServiceProcess.isBuilt, "build the product illmrec-retrieval first"),
  .timeLimit(.minutes(60)))
struct RolloutKillTests {
  typealias ServingState = Retrieval_ServingState

  /// Each start must find the rollout as it was answered last, or one change further: the one that was cut off.
  @Test
  func `The next start goes on with the rollout as it was, and the audit log has no gap`() async throws {
    let directory = try TemporaryDirectory()
    let data = "\(directory.path)/data"
    try await ServiceProcess(data: data).withAdmin { remote in
      for number in 1...2 { try await remote.publish(Catalog(count: 50, dim: 8, prefix: "v\(number)"), "\(number)") }
    }
    var delays = SeededGenerator(seed: 3)
    var lastGeneration: UInt64 = 0
    for _ in 0..<max(3, KillTests.rounds / 4) {
      let process = try ServiceProcess(data: data)
      let delay = delays.delay(upTo: 60)
      let answered = try await process.withAdmin { [lastGeneration] remote in
        let found = try await check(remote, atLeast: lastGeneration)
        let changes = Task { await change(remote, from: found) }
        try await Task.sleep(for: delay)
        process.kill()
        return await changes.value
      }
      lastGeneration = max(lastGeneration, answered)
      #expect(directory.entries("data/quarantine").isEmpty)
    }
  }

  /// Makes changes until the service is gone; returns the last generation that was answered.
  private func change(_ remote: RemoteRetrieval, from serving: ServingState) async -> UInt64 {
    var serving = serving
    do {
      while true { serving = try await next(serving, remote) }
    } catch {
      return serving.generation
    }
  }

  /// The next change of a rollout that never ends: start, advance, pause, resume, success, back, roll back.
  private func next(_ serving: ServingState, _ remote: RemoteRetrieval) async throws -> ServingState {
    let rollout = serving.rollout
    switch (rollout.phase, rollout.stage) {
    case (.running, 0) where serving.generation % 5 == 0:
      return try await remote.admin.rollbackRollout(.with { $0.change.requestID = "\(serving.generation)" })
        .servingState
    case (.running, 1): return try await remote.admin.pauseRollout(.init()).servingState
    case (.paused, 1) where serving.generation % 2 == 0:
      return try await remote.admin.resumeRollout(.init()).servingState
    case (.running, _), (.paused, _): return try await remote.admin.advanceRollout(.init()).servingState
    default:
      let candidate = serving.stableVersion == "default/versions/1" ? 2 : 1
      return try await remote.admin.startRollout(
        .with {
          $0.version = "default/versions/\(candidate)"
          $0.plan.stages = [UInt32(100), 500, 1000].map { share in
            .with {
              $0.canaryPermille = share
              $0.manual = true
            }
          }
          $0.change.actor = "killer"
        }
      ).servingState
    }
  }

  /// Expects a whole state, no older than what was answered last and at most one change further.
  private func check(_ remote: RemoteRetrieval, atLeast generation: UInt64) async throws -> ServingState {
    let serving = try await remote.admin.getServingState(.init()).servingState
    #expect(generation == 0 || serving.generation == generation || serving.generation == generation + 1)
    let entries = try await remote.admin.listAuditEntries(.with { $0.pageSize = 1000 }).entries
    #expect(zip(entries, entries.dropFirst()).allSatisfy { $0.number == $1.number + 1 })
    #expect(entries.first?.generation == serving.generation)
    let query = Pb.Query([1, 2, 3, 4, 0, 0, 0, 0], k: 5)
    let response = try await remote.search.search(.with { $0.queries = [query, query] })
    let prefix = "v\(response.servedBy.version.suffix(1))-"
    #expect(response.results.flatMap(\.items).allSatisfy { $0.itemID.hasPrefix(prefix) })
    #expect([serving.stableVersion, serving.rollout.candidateVersion].contains(response.servedBy.version))
    return serving
  }
}
