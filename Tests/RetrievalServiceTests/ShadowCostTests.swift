// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRPCCore
import RetrievalService
import ServiceAPI
import SwiftProtobuf
import Synchronization
import TestSupport
import Testing

/// What comparisons cost those who search. `make bench-shadow` prints it.
@Suite("Comparisons cost callers little", .enabled(if: ShadowCost.seconds > 0, "run it with make bench-shadow"))
struct ShadowCostTests {
  @Test
  func `Search times are measured with and without every query being compared, in turns`() async throws {
    let directory = try TemporaryDirectory()
    let process = try ServiceProcess(data: "\(directory.path)/data")
    try await process.withAdmin { remote in
      for number in 1...2 {
        try await remote.publish(Catalog(count: 50_000, dim: 128, prefix: "v\(number)"), "\(number)")
      }
      var times: [Bool: [Double]] = [:]
      for round in 0..<8 {
        let isCompared = round % 2 == 1
        if isCompared { try await start(remote) }
        times[isCompared, default: []] += try await load(remote)
        if isCompared {
          let figures = try await remote.admin.getServingState(.init()).figures
          print("compared \(figures.compared), dropped \(figures.dropped)")
          _ = try await remote.admin.rollbackRollout(.init())
        }
      }
      for isCompared in [false, true] {
        let sorted = (times[isCompared] ?? []).sorted()
        let quantile = { (q: Double) in sorted[Int(q * Double(sorted.count - 1))] }
        print(
          "\(isCompared ? "compared" : "alone"): \(sorted.count) searches, p50 \(quantile(0.5)) ms, p99 \(quantile(0.99)) ms"
        )
        #expect(!sorted.isEmpty)
      }
    }
  }

  private func start(_ remote: RemoteRetrieval) async throws {
    _ = try await remote.admin.startRollout(
      .with {
        $0.version = "default/versions/2"
        $0.plan.stages = [
          .with {
            $0.shadowPermille = 1000
            $0.manual = true
          }
        ]
      })
  }

  /// Two callers, one query at a time each; milliseconds per search.
  private func load(_ remote: RemoteRetrieval) async throws -> [Double] {
    try await withThrowingTaskGroup(of: [Double].self) { group in
      for caller in 0..<2 {
        group.addTask {
          let query = Pb.Query((0..<128).map { Float(($0 + caller) % 7) - 3 }, k: 10)
          let end = ContinuousClock.now + .seconds(ShadowCost.seconds)
          var times: [Double] = []
          while ContinuousClock.now < end {
            let start = ContinuousClock.now
            _ = try await remote.search.search(.with { $0.queries = [query] })
            times.append((ContinuousClock.now - start) / .milliseconds(1))
          }
          return times
        }
      }
      return try await group.reduce(into: []) { $0 += $1 }
    }
  }
}

private enum ShadowCost {
  static let seconds = Int(ProcessInfo.processInfo.environment["ILLMREC_SHADOW_SECONDS"] ?? "") ?? 0
}
