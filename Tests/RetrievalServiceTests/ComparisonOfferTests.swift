// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import RetrievalService
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import TestSupport
import Testing
import VectorIndex
import VectorTestSupport

@Suite("Users who were encoded for both versions are compared", .timeLimit(.minutes(60)))
struct ComparisonOfferTests {
  typealias Offers = Retrieval_OfferComparisonsRequest

  let directory: TemporaryDirectory
  let base = Catalog(count: 60, prefix: "v")

  init() throws { directory = try TemporaryDirectory() }

  /// The second version has the same items in 6 dimensions, by another training; in shadow.
  private func run(
    rollouts: RolloutSettings = .unpaced, limits: RetrievalLimits = RetrievalLimits(), shadow: UInt32 = 1,
    backend: (any VectorBackend)? = nil, _ body: (RetrievalHarness) async throws -> Void
  ) async throws {
    var other = Catalog(ids: base.ids, vectors: base.vectors.map { $0 + [0, 0] })
    other.model.spaceFingerprint = "space-2"
    try await RetrievalHarness.run(
      directory.path, limits: limits, rollouts: rollouts, milvus: nil, backend: backend
    ) { server in
      try await server.publish(base)
      try await server.publish(other)
      try await server.start(shadow == 0 ? 10 : 0, 1000, shadow: shadow)
      try await body(server)
    }
  }

  private func offers(
    _ count: Int, rollout: UInt64 = 1, stage: UInt32 = 0, dropped: UInt32 = 0,
    _ edit: (Int, inout Offers.Offer) -> Void = { _, _ in }
  ) -> Offers {
    .with {
      $0.rolloutNumber = rollout
      $0.stage = stage
      $0.dropped = dropped
      $0.offers = (0..<count).map { place in
        var offer = Offers.Offer.with {
          $0.baseline = Pb.Query([1, 2, 3, 4], k: 5)
          $0.candidate.setVectors([("space-1", [1]), ("space-2", [1, 2, 3, 4, 0, 0])])
          $0.candidate.k = 5
        }
        edit(place, &offer)
        return offer
      }
    }
  }

  @Test
  func `Each version is searched with the query that was made for it, and no caller's query is counted`() async throws {
    try await run { server in
      let taken = try await server.search.offerComparisons(offers(40, dropped: 3)).taken
      #expect(taken == 40)
      try await waitUntil { try await server.figures().compared == 40 }
      let figures = try await server.figures()
      #expect(figures.meanOverlap == 1 && figures.dropped == 3 && figures.candidate.shadowSearches == 40)
      #expect(figures.candidate.queries == 0 && figures.baseline.queries == 0 && figures.baseline.routingKeys == 0)
    }
  }

  @Test
  func `Nothing is taken for another rollout or stage, nor for another version`() async throws {
    try await run { server in
      for request in [offers(3, rollout: 2, dropped: 5), offers(3, stage: 1, dropped: 5), offers(3, rollout: 0)] {
        #expect(try await server.search.offerComparisons(request).taken == 0)
      }
      let named = offers(3) { place, offer in
        offer.baseline.expectedVersion = place == 1 ? "default/versions/7" : RoutingTests.stable
        offer.candidate.expectedVersion = place == 2 ? RoutingTests.stable : RoutingTests.candidate
      }
      #expect(try await server.search.offerComparisons(named).taken == 1)
      _ = try await server.admin.rollbackRollout(.init())
      #expect(try await server.search.offerComparisons(offers(3)).taken == 0)
      #expect(try await server.figures().dropped == 0)
    }
  }

  @Test
  func `A stage without comparisons takes none`() async throws {
    try await run(shadow: 0) { server in
      let taken = try await server.search.offerComparisons(offers(3)).taken
      #expect(taken == 0)
    }
  }

  @Test
  func `What does not fit into the queue is dropped and counted`() async throws {
    let backend = MemoryBackend()
    var settings = RolloutSettings.unpaced
    settings.maxShadowQueries = 2
    try await run(rollouts: settings, backend: backend) { server in
      backend.setDelay(.seconds(3600))
      #expect(try await server.search.offerComparisons(offers(50)).taken == 50)
      // At most one is being searched for and two wait.
      try await waitUntil { try await server.figures().dropped >= 47 }
      backend.setDelay(.zero)
      _ = try await server.admin.rollbackRollout(.init())
    }
  }

  @Test
  func `Offers are checked as queries are, and named by their place`() async throws {
    var limits = RetrievalLimits()
    limits.maxQueriesPerRequest = 3
    let cases: [(reason: String, field: String, edit: (inout Offers.Offer) -> Void)] = [
      ("TENSOR_SHAPE", "baseline.vector", { $0.baseline.vector = Pb.Tensor([1]) }),
      ("TENSOR_MISSING", "baseline.vector", { $0.baseline.clearVector() }),
      ("TENSOR_SHAPE", "candidate.vectors[0].vector", { $0.candidate.setVectors([("space-2", [1])]) }),
      ("MODEL_MISMATCH", "candidate.vectors", { $0.candidate.setVectors([("space-1", [1, 2, 3, 4])]) }),
      ("K_INVALID", "baseline.k", { $0.baseline.k = 0 }), ("K_INVALID", "candidate.k", { $0.candidate.k = 4 }),
      ("K_TOO_LARGE", "candidate.k", { $0.candidate.k = 2000 }),
      ("VERSION_NAME_INVALID", "candidate.expected_version", { $0.candidate.expectedVersion = "2" }),
      ("ITEM_ID_MISSING", "candidate.exclude_item_ids[0]", { $0.candidate.excludeItemIds = [""] }),
    ]
    try await run(limits: limits) { server in
      for (reason, field, edit) in cases {
        let request = offers(2) { place, offer in if place == 1 { edit(&offer) } }
        let code = FailureReason(rawValue: reason)?.entry.code ?? .unknown
        await expectFailure(code, reason, field: "offers[1].\(field)") {
          try await server.search.offerComparisons(request)
        }
      }
      await expectFailure(.invalidArgument, "TOO_MANY_QUERIES", field: "offers", mentioning: "4 offers", "at most 3") {
        try await server.search.offerComparisons(offers(4))
      }
      await expectFailure(.notFound, "INDEX_NOT_FOUND", field: "index") {
        try await server.search.offerComparisons(.with { $0.index = "shoes" })
      }
      await expectFailure(.invalidArgument, "INDEX_NAME_INVALID", field: "index") {
        try await server.search.offerComparisons(.with { $0.index = "No such" })
      }
      let figures = try await server.figures()
      #expect(figures.candidate.shadowSearches == 0 && figures.dropped == 0)
    }
  }
}
