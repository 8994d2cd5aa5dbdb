// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRPCCore
import RetrievalService
import Rollouts
import ServiceAPI
import SwiftProtobuf
import Synchronization
import TestSupport
import Testing

/// Versions change under load, over loopback. `make test-swaps` runs it at its full size.
@Suite(
  "Versions are swapped under load", .enabled(if: ServiceProcess.isBuilt, "build the product illmrec-retrieval first"),
  .timeLimit(.minutes(60)))
struct SwapTests {
  static let swaps = Int(ProcessInfo.processInfo.environment["ILLMREC_SWAPS"] ?? "") ?? 12
  static let calls = Int(ProcessInfo.processInfo.environment["ILLMREC_SWAP_CALLS"] ?? "") ?? 1500

  /// What the callers have seen.
  private final class Tally: Sendable {
    let calls = Atomic(0)
    /// Until then callers go on: however slow the swaps are, there are calls between any two of them.
    let hasSwapped = Atomic(false)
    /// Queries that named the version they were for, and those of them that another one would have answered.
    let named = Atomic(0)
    let outdated = Atomic(0)
    let versions = Mutex<[String: Int]>([:])
    let faults = Mutex<[String]>([])

    func note(_ fault: String) { faults.withLock { $0.append(fault) } }
  }

  @Test
  func `No call fails and no answer mixes versions, whatever is promoted and rolled back`() async throws {
    let directory = try TemporaryDirectory()
    let process = try ServiceProcess(data: "\(directory.path)/data")
    try await process.withAdmin { remote in
      for number in 1...3 { try await remote.publish(Catalog(count: 300, dim: 8, prefix: "v\(number)"), "\(number)") }
      let tally = Tally()
      var rollbacks: [RollbackTime] = []
      try await withThrowingTaskGroup(of: Void.self) { group in
        for caller in 0..<8 { group.addTask { await call(remote, as: caller, tally) } }
        rollbacks = try await swap(remote, tally)
        try await group.waitForAll()
      }
      #expect(tally.faults.withLock(\.self).prefix(5) == [])
      #expect(tally.calls.load(ordering: .relaxed) >= Self.calls)
      // Without callers, rollbacks alone are timed.
      if Self.calls >= 1000 { #expect(tally.versions.withLock(\.keys.count) == 3) }
      // A routing is told a moment before it is used: what has changed since is rare.
      let (named, outdated) = (tally.named.load(ordering: .relaxed), tally.outdated.load(ordering: .relaxed))
      #expect(named >= Self.calls && outdated * 2 < named)
      report(tally, rollbacks)
    }
  }

  /// Searches for two users until enough calls were made and all swaps too, and checks each answer against the version that it names. The first user
  /// is routed by the caller, by what GetRouting told a moment before.
  private func call(_ remote: RemoteRetrieval, as caller: Int, _ tally: Tally) async {
    let vector = (0..<8).map { Float(($0 + caller) % 5) - 2 }
    let expected = Dictionary(
      uniqueKeysWithValues: (1...3).map { number in
        ("default/versions/\(number)", Catalog(count: 300, dim: 8, prefix: "v\(number)").ranking(of: vector, k: 10))
      })
    var round = 0
    while tally.calls.add(1, ordering: .relaxed).oldValue < Self.calls
      || Self.calls > 0 && !tally.hasSwapped.load(ordering: .relaxed)
    {
      round += 1
      do {
        let routing = try await remote.search.getRouting(.init()).routing
        let queries = (0..<2).map { user in
          var query = Pb.Query(vector, k: 10, id: "\(user)")
          query.routingKey = "user-\(caller)-\(round % 50)-\(user)"
          if user == 0 { query.expectedVersion = Self.version(of: query.routingKey, by: routing) }
          return query
        }
        let response = try await remote.search.search(.with { $0.queries = queries })
        tally.named.add(1, ordering: .relaxed)
        for (query, result) in zip(queries, response.completed) {
          let served = result.servedBy.version
          if !query.expectedVersion.isEmpty && result.error.reason == "SERVING_STATE_CHANGED" {
            tally.outdated.add(1, ordering: .relaxed)
            if served == query.expectedVersion { tally.note("refused by the version that it names: \(result)") }
            continue
          }
          if result.items.map(\.itemID) != expected[served] { tally.note("\(served): \(result)") }
          if !query.expectedVersion.isEmpty && served != query.expectedVersion { tally.note("not for it: \(result)") }
          tally.versions.withLock { $0[served, default: 0] += 1 }
        }
      } catch {
        tally.note("\(error)")
      }
    }
  }

  /// The version of a routing key, by the formula of the contract.
  private static func version(of key: String, by routing: Retrieval_Routing) -> String {
    guard routing.hasCandidate else { return routing.stable.version }
    let split = TrafficSplit(
      index: routing.index, rollout: routing.rolloutNumber, permille: Int(routing.canaryPermille))
    return split.takesCanary(key) ? routing.candidate.version : routing.stable.version
  }

  /// All swaps, with callers between any two of them.
  private func swap(_ remote: RemoteRetrieval, _ tally: Tally) async throws -> [RollbackTime] {
    defer { tally.hasSwapped.store(true, ordering: .relaxed) }
    var rollbacks: [RollbackTime] = []
    for swap in 0..<Self.swaps {
      let enough = tally.calls.load(ordering: .relaxed) + Self.calls / Self.swaps
      while tally.calls.load(ordering: .relaxed) < enough { try await Task.sleep(for: .milliseconds(1)) }
      if let time = try await change(swap, remote) { rollbacks.append(time) }
    }
    return rollbacks
  }

  /// One swap; for a rollback, how long it took.
  private func change(_ swap: Int, _ remote: RemoteRetrieval) async throws -> RollbackTime? {
    let stable = try await remote.admin.getServingState(.init()).servingState.stableVersion
    let others = (1...3).map { "default/versions/\($0)" }.filter { $0 != stable }
    switch swap % 4 {
    case 0:
      _ = try await remote.admin.promoteVersion(.with { $0.version = others[swap % 2] })
    case 1:
      return try await timed(expecting: nil, remote) { _ = try await remote.admin.rollbackVersion(.init()) }
    case 2:
      _ = try await remote.admin.startRollout(
        .with {
          $0.version = others[swap / 4 % 2]
          $0.plan.stages = [
            .with {
              $0.canaryPermille = 400
              $0.shadowPermille = 100
              $0.manual = true
            }
          ]
        })
    default:
      // Every other rollout succeeds.
      if swap % 8 == 3 {
        _ = try await remote.admin.advanceRollout(.init())
      } else {
        return try await timed(expecting: stable, remote) { _ = try await remote.admin.rollbackRollout(.init()) }
      }
    }
    return nil
  }

  /// From the request on: until the version before answers, and until the change is on the disk and acknowledged.
  private struct RollbackTime {
    let effect: Duration
    let acknowledgement: Duration
  }

  private func timed(
    expecting version: String?, _ remote: RemoteRetrieval, _ rollback: @escaping @Sendable () async throws -> Void
  ) async throws -> RollbackTime {
    let previous = try await remote.admin.getServingState(.init()).servingState.previousStableVersion
    let expected = version ?? previous
    // Of so many users a canary that is still out would answer one.
    let queries = (0..<20).map { user in
      var query = Pb.Query([0, 0, 0, 0, 0, 0, 0, 1], k: 1, id: "\(user)")
      query.routingKey = "rollback-\(user)"
      return query
    }
    let start = ContinuousClock.now
    async let acknowledged: Duration = {
      try await rollback()
      return ContinuousClock.now - start
    }()
    var effect: Duration
    var served: Set<String>
    repeat {
      let response = try await remote.search.search(.with { $0.queries = queries })
      effect = ContinuousClock.now - start
      served = Set(response.results.map { ($0.hasServedBy ? $0.servedBy : response.servedBy).version })
    } while served != [expected] && effect < .seconds(300)
    let acknowledgement = try await acknowledged
    #expect(served == [expected])
    return RollbackTime(effect: min(effect, acknowledgement), acknowledgement: acknowledgement)
  }

  private func report(_ tally: Tally, _ rollbacks: [RollbackTime]) {
    let counts = tally.versions.withLock { $0.sorted { $0.key < $1.key }.map { "\($0.value)" }.joined(separator: ", ") }
    print(
      "\(Self.swaps) swaps under \(Self.calls) calls; answers by version: \(counts); "
        + "\(tally.outdated.load(ordering: .relaxed)) of \(tally.named.load(ordering: .relaxed)) queries named a version that had "
        + "been swapped; \(rollbacks.count) rollbacks: "
        + "\(Self.text(rollbacks.map(\.effect))) to answer with the version before, "
        + "\(Self.text(rollbacks.map(\.acknowledgement))) to be acknowledged")
  }

  private static func text(_ times: [Duration]) -> String {
    let millis = times.sorted().map { (10 * ($0 / .milliseconds(1))).rounded() / 10 }
    return "\(millis[millis.count / 2]) ms (median; \(millis[millis.count - 1]) at most)"
  }
}
