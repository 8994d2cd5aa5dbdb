// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRPCCore
import PrometheusMetrics
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import TestSupport
import Testing

@testable import CLI

@Suite("A stack at work exports what the list of metrics says", .timeLimit(.minutes(15))) struct MetricsTests {
  /// What only a rollout, a refusal, a collector of spans or a flood of labels brings; other tests have these.
  private static let onOccasion: Set = [
    "illmrec_rpc_refusals_total", "illmrec_identity_requests_total", "illmrec_rollout_phase", "illmrec_rollout_stage",
    "illmrec_rollout_share_ratio",
    "illmrec_gate_value", "illmrec_gate_threshold", "illmrec_gate_samples", "illmrec_gate_state",
    "illmrec_shadow_comparisons_total", "illmrec_outcomes_total", "illmrec_trace_spans_total",
    PrometheusRegistry.droppedName,
  ]

  @Test func `Every metric is exported by some service, and none that is not listed`() async throws {
    var stack = try TestShop.stack()
    for member in StackMember.allCases { stack.httpPorts[member] = 0 }
    defer { try? FileManager.default.removeItem(atPath: stack.state) }
    let texts = try await ServiceStack.run(stack) { endpoints in
      try await Self.work(endpoints)
      return try Self.scrape(endpoints)
    }
    #expect(texts.count == 4)
    let listed = Set(MetricCatalog.all.map(\.name))
    let exported = Set(texts.values.flatMap(Self.names))
    #expect(exported.subtracting(listed).isEmpty)
    #expect(listed.subtracting(exported).subtracting(Self.onOccasion).isEmpty)
    #expect(texts["encoder"]?.contains("\nillmrec_catalog_newest_snapshot 1\n") == true)
    #expect(texts["encoder"]?.contains("illmrec_images_total{source=\"computed\"} 8\n") == true)
    #expect(texts["retrieval"]?.contains("role=\"stable\",version=\"1\"} 8\n") == true)
    #expect(
      texts["retrieval"]?.contains("illmrec_rpc_requests_total{code=\"UNIMPLEMENTED\",method=\"unknown\"} 1\n") == true)
    #expect(texts["llm"]?.contains("illmrec_element_refusals_total") == false)
    #expect(texts["gateway"]?.contains("illmrec_element_refusals_total{reason=\"ITEM_NOT_FOUND\"} 1\n") == true)
  }

  /// A catalog, a version of it, a user that is answered and one that is not.
  private static func work(_ endpoints: ServiceEndpoints) async throws {
    try await TestShop.publish(to: endpoints)
    try await withClient(target: endpoints.gateway ?? "") { client in
      let response = try await client.gateway.recommend(
        .with {
          $0.users = [[TestShop.itemID(3), TestShop.itemID(0)], ["nobody's"]].map { ids in
            .with { $0.interactions = ids.map { id in .with { $0.itemID = id } } }
          }
          $0.k = 3
        })
      #expect(response.results.count == 2)
    }
    // Whoever asks for what is not served shows as well.
    try await withClient(target: endpoints.retrieval) { client in
      let error = await #expect(throws: RPCError.self) {
        try await LLM_LLMService.Client(wrapping: client).getServerInfo(.init())
      }
      #expect(error?.code == .unimplemented)
    }
  }

  /// By service. The catalog's figures are those of the look before, which the first scrape asks for again.
  private static func scrape(_ endpoints: ServiceEndpoints) throws -> [String: String] {
    var texts: [String: String] = [:]
    for (member, target) in endpoints.http ?? [:] {
      let port = try #require(target.split(separator: ":").last.flatMap { Int($0) })
      let deadline = ContinuousClock.now + .seconds(120)
      repeat {
        texts[member] = try HTTPAnswer.get("/metrics", port: port).body
      } while member == "encoder" && texts[member]?.contains("newest_snapshot 1\n") == false && .now < deadline
    }
    return texts
  }

  private static func names(_ text: String) -> [String] {
    text.split(separator: "\n").filter { $0.hasPrefix("# TYPE ") }.map { String($0.split(separator: " ")[2]) }
  }
}
