// SPDX-License-Identifier: Apache-2.0

import PrometheusMetrics
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import TestSupport
import Testing

@Suite("A scrape tells versions and rollouts as they stand", .timeLimit(.minutes(15))) struct RetrievalMetricsTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  /// Values by name and labels, such as "illmrec_index_generation default".
  private func values(_ server: RetrievalHarness) -> [String: Double] {
    let samples = server.metrics.flatMap { $0() }
    return Dictionary(
      uniqueKeysWithValues: samples.map { sample in
        (([sample.name] + sample.labels.map(\.1)).joined(separator: " "), sample.value)
      })
  }

  @Test func `Before the first version there is nothing to tell`() async throws {
    try await RetrievalHarness.run(directory.path) { server in
      let indexes = try await server.search.getServerInfo(.init()).indexes
      #expect(indexes.isEmpty)
      #expect(values(server).isEmpty)
    }
  }

  @Test func `A gate's kind of outcomes, which may be any text, acts on no terminal`() async throws {
    try await RetrievalHarness.run(directory.path) { server in
      try await server.publish(Catalog(count: 10))
      try await server.publish(Catalog(count: 10))
      let kind = "cl\u{1B}[2Jick\u{202E}"
      _ = try await server.admin.startRollout(
        .with {
          $0.version = "default/versions/2"
          $0.plan.stages = [.with { ($0.canaryPermille, $0.manual) = (500, true) }]
          $0.plan.outcomeWindow.seconds = 60
          $0.plan.gates.outcomes = [.with { ($0.kind, $0.maxDrop) = (kind, 0.1) }]
        })
      let labels = server.metrics.flatMap { $0() }.flatMap(\.labels).map(\.1)
      #expect(labels.contains { $0.contains(#"cl\u{1B}[2Jick\u{202E}"#) })
      #expect(!labels.contains { $0.unicodeScalars.contains { $0 == "\u{1B}" || $0 == "\u{202E}" } })
    }
  }

  @Test func `Versions have roles and counts, a rollout its stage, shares and gates`() async throws {
    try await RetrievalHarness.run(directory.path) { server in
      try await server.publish(Catalog(count: 60, prefix: "v1"))
      try await server.publish(Catalog(count: 50, prefix: "v2"))
      let before = values(server)
      #expect(before["illmrec_index_version_items default 1 stable"] == 60)
      #expect(before["illmrec_index_version_items default 2 none"] == 50)
      #expect(before["illmrec_rollout_stage default"] == nil)

      try await server.start(200, 1000, gates: .with { $0.maxErrorRatio = 2 })
      _ = try await server.search(users: RolloutUsers.all)
      let during = values(server)
      #expect(during["illmrec_index_version_items default 2 canary"] == 50)
      #expect(during["illmrec_rollout_stage default"] == 1)
      #expect(during["illmrec_rollout_share_ratio default canary"] == 0.2)
      #expect(during["illmrec_rollout_phase default running"] == 1)
      #expect(during["illmrec_rollout_phase default paused"] == 0)
      #expect(try #require(during["illmrec_gate_samples default errors"]) > 0)
      let states = ["waiting", "open", "failed", "holding"].map { during["illmrec_gate_state default errors \($0)"] }
      #expect(states.compactMap(\.self).reduce(0, +) == 1 && !states.contains(nil))

      _ = try await server.admin.rollbackRollout(.with { $0.index = "default" })
      let after = values(server)
      #expect(after["illmrec_rollout_phase default rolled_back"] == 1)
      #expect(after["illmrec_rollout_stage default"] == 0)
      #expect(after["illmrec_rollout_share_ratio default canary"] == 0)
      #expect(after["illmrec_gate_state default errors waiting"] == nil)
      let generations = [during, after].compactMap { $0["illmrec_index_generation default"] }
      #expect(generations.count == 2 && generations[0] < generations[1])
    }
  }
}
