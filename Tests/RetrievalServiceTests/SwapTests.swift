import Foundation
import GRPCCore
import RetrievalService
import ServiceAPI
import SwiftProtobuf
import Synchronization
import Testing

/// Versions change under load, over loopback. `make test-swaps` runs it at its full size.
@Suite("Swaps under load", .enabled(if: ServiceProcess.isBuilt, "build the product illmrec-retrieval first"))
struct SwapTests {
  static let swaps = Int(ProcessInfo.processInfo.environment["ILLMREC_SWAPS"] ?? "") ?? 12
  static let calls = Int(ProcessInfo.processInfo.environment["ILLMREC_SWAP_CALLS"] ?? "") ?? 1500

  /// What the callers have seen.
  private final class Tally: Sendable {
    let calls = Atomic(0)
    let versions = Mutex<[String: Int]>([:])
    let faults = Mutex<[String]>([])

    func note(_ fault: String) { faults.withLock { $0.append(fault) } }
  }

  @Test("no call fails and no answer mixes versions, whatever is promoted, rolled out and rolled back meanwhile")
  func swaps() async throws {
    let directory = try TemporaryDirectory()
    let process = try ServiceProcess(data: "\(directory.path)/data")
    try await process.withAdmin { remote in
      for number in 1...3 { try await remote.publish(Catalog(count: 300, dim: 8, prefix: "v\(number)"), "\(number)") }
      let tally = Tally()
      var rollbacks: [Duration] = []
      try await withThrowingTaskGroup(of: Void.self) { group in
        for caller in 0..<8 { group.addTask { await call(remote, as: caller, tally) } }
        for swap in 0..<Self.swaps {
          while tally.calls.load(ordering: .relaxed) < Self.calls * swap / Self.swaps {
            try await Task.sleep(for: .milliseconds(1))
          }
          if let time = try await change(swap, remote) { rollbacks.append(time) }
        }
        try await group.waitForAll()
      }
      #expect(tally.faults.withLock(\.self).prefix(5) == [])
      #expect(tally.calls.load(ordering: .relaxed) >= Self.calls)
      #expect(tally.versions.withLock(\.keys.count) == 3)
      report(tally, rollbacks.sorted())
    }
  }

  /// Searches for two users until enough calls were made, and checks each answer against the version that it names.
  private func call(_ remote: RemoteRetrieval, as caller: Int, _ tally: Tally) async {
    let vector = (0..<8).map { Float(($0 + caller) % 5) - 2 }
    let expected = Dictionary(
      uniqueKeysWithValues: (1...3).map { number in
        ("default/versions/\(number)", Catalog(count: 300, dim: 8, prefix: "v\(number)").ranking(of: vector, k: 10))
      })
    var round = 0
    while tally.calls.add(1, ordering: .relaxed).oldValue < Self.calls {
      round += 1
      do {
        let queries = (0..<2).map { user in
          var query = Pb.Query(vector, k: 10, id: "\(user)")
          query.routingKey = "user-\(caller)-\(round % 50)-\(user)"
          return query
        }
        let response = try await remote.search.search(.with { $0.queries = queries })
        for result in response.results {
          let served = result.hasServedBy ? result.servedBy : response.servedBy
          if result.items.map(\.itemID) != expected[served.version] { tally.note("\(served.version): \(result)") }
          tally.versions.withLock { $0[served.version, default: 0] += 1 }
        }
      } catch {
        tally.note("\(error)")
      }
    }
  }

  /// One swap; for a rollback, the time until a search that began after it is answered by the version before.
  private func change(_ swap: Int, _ remote: RemoteRetrieval) async throws -> Duration? {
    let stable = try await remote.admin.getRollout(.init()).rollout.stableVersion
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

  private func timed(
    expecting version: String?, _ remote: RemoteRetrieval, _ rollback: () async throws -> Void
  ) async throws -> Duration {
    let previous = try await remote.admin.getRollout(.init()).rollout.previousStableVersion
    let start = ContinuousClock.now
    try await rollback()
    let time = ContinuousClock.now - start
    let response = try await remote.search.search(.with { $0.queries = [Pb.Query([0, 0, 0, 0, 0, 0, 0, 1], k: 1)] })
    #expect(response.servedBy.version == version ?? previous && response.servedBy.role == .stable)
    return time
  }

  private func report(_ tally: Tally, _ rollbacks: [Duration]) {
    let counts = tally.versions.withLock { $0.sorted { $0.key < $1.key }.map { "\($0.value)" }.joined(separator: ", ") }
    let (median, worst) = (rollbacks[rollbacks.count / 2], rollbacks[rollbacks.count - 1])
    print(
      "\(Self.swaps) swaps under \(Self.calls) calls; answers by version: \(counts); \(rollbacks.count) rollbacks took "
        + "\(median / .milliseconds(1)) ms (median), \(worst / .milliseconds(1)) ms (longest)")
  }
}
