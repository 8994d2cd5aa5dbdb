// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import RetrievalService
import Rollouts
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import TestSupport
import Testing
import VectorTestSupport

@testable import RetrievalService

/// The first version was built by the training "space-1" in 4 dimensions, the second by "space-2" in 6.
@Suite("A version of another training is rolled out as any other", .timeLimit(.minutes(60)))
struct TrainingRolloutTests {
  let directory: TemporaryDirectory
  let first: [Float] = [1, 2, 3, 4]
  let second: [Float] = [2, -1, 3, 1, 0, 2]
  let users = RolloutUsers.all

  init() throws { directory = try TemporaryDirectory() }

  private func run(
    _ second: Catalog = Catalog(count: 60, dim: 6, prefix: "v2", training: "space-2"),
    _ body: (RetrievalHarness) async throws -> Void
  ) async throws {
    try await RetrievalHarness.run(directory.path, milvus: nil) { server in
      try await server.publish(Catalog(count: 60, prefix: "v1"))
      try await server.publish(second)
      try await body(server)
    }
  }

  private func both(_ user: String, _ query: inout Pb.Query) {
    query.setVectors([("space-2", second), ("other", [1]), ("space-1", first)])
  }

  @Test
  func `Who has a vector of each training goes by the share, and is searched for by the one that fits`() async throws {
    try await run { server in
      let only = try await server.search(users: users, both)
      #expect(only.allSatisfy { $0.servedBy.version == RoutingTests.stable })
      try await server.start(300)
      let catalogs = [
        RoutingTests.stable: Catalog(count: 60, prefix: "v1").ranking(of: first, k: 5),
        RoutingTests.candidate: Catalog(count: 60, dim: 6, prefix: "v2").ranking(of: second, k: 5),
      ]
      let results = try await server.search(users: users, both)
      for result in results { #expect(result.items.map(\.itemID) == catalogs[result.servedBy.version]) }
      let onCanary = results.filter { $0.servedBy.role == .canary }.map(\.queryID)
      #expect(onCanary == RolloutUsers.onCanary(permille: 300))
      let figures = try await server.figures()
      #expect(figures.candidate.routingKeys == UInt64(onCanary.count), "keys that come by the share are counted")
      #expect(figures.baseline.routingKeys == UInt64(users.count - onCanary.count))
    }
  }

  @Test
  func `Who has one vector goes where it fits, and is no key of the sample ratio`() async throws {
    try await run { server in
      try await server.start(300)
      for (training, vector, version) in [
        ("space-1", first, RoutingTests.stable), ("space-2", second, RoutingTests.candidate),
      ] {
        let results = try await server.search(users: users) { $1.setVectors([(training, vector)]) }
        #expect(results.allSatisfy { $0.servedBy.version == version && !$0.hasError })
        let named = try await server.search.search(
          .with {
            $0.queries = users.map { user in
              var query = Pb.Query(vector, k: 3, id: user)
              query.routingKey = user
              return query
            }
            $0.expectedSpaceFingerprint = training
          })
        #expect(named.completed.allSatisfy { $0.servedBy.version == version && !$0.hasError })
      }
      let unnamed = try await server.search(users: users)
      #expect(
        unnamed.allSatisfy { $0.servedBy.version == RoutingTests.stable && !$0.hasError },
        "a vector of which nobody says what it was made by is never searched for in another training's version")
      let figures = try await server.figures()
      #expect(figures.candidate.routingKeys == 0 && figures.baseline.routingKeys == 0)
      #expect(figures.gates.first { $0.kind == .sampleRatio }?.verdict == .open)
      #expect(figures.candidate.queries == 400 && figures.baseline.queries == 600)
    }
  }

  @Test
  func `Where the request names its training, the vector of that one alone counts`() async throws {
    try await run { server in
      try await server.start(1000)
      let response = try await server.search.search(
        .with {
          $0.queries = [Pb.Query(of: "a", both), Pb.Query(of: "b") { $1.setVectors([("space-2", second)]) }]
          $0.expectedSpaceFingerprint = "space-1"
        })
      #expect(response.servedBy.version == RoutingTests.stable && response.results[0].items.count == 5)
      #expect(response.results[1].error.reason == "MODEL_MISMATCH")
      #expect(response.results[1].error.field == "queries[1].vectors")
      let known: FailureReason = .modelMismatch
      #expect(known.entry.lists("queries[1].vectors"))
      #expect(try await server.figures().baseline.errors == 0, "the caller is at fault")
    }
  }

  @Test
  func `Vectors that no query can have are refused by their place`() async throws {
    let nine = (0..<9).map { (training: "space-\($0)", values: first) }
    let cases: [(field: String, edit: (inout Pb.Query) -> Void)] = [
      (".vectors", { $0.setVectors(nine) }),
      (
        ".vectors",
        {
          $0.setVectors([("space-1", first)])
          $0.vector = Pb.Tensor(first)
        }
      ),
      (".vectors[1].space_fingerprint", { $0.setVectors([("space-1", first), ("", first)]) }),
      (".vectors[2].space_fingerprint", { $0.setVectors([("a", first), ("space-1", first), ("a", first)]) }),
    ]
    try await run { server in
      try await server.start(500)
      let queries = cases.map { unsound in Pb.Query(of: "user") { unsound.edit(&$1) } }
      let results = try await server.search.search(.with { $0.queries = queries }).results
      for (place, result) in results.enumerated() {
        #expect(
          result.error.reason == "VECTORS_INVALID" && result.error.field == "queries[\(place)]\(cases[place].field)")
        let known: FailureReason = .vectorsInvalid
        #expect(known.entry.lists(result.error.field))
      }
      let figures = try await server.figures()
      #expect(figures.candidate.queries == 0 && figures.baseline.queries == 0)
      let long = try await server.search(users: ["user"]) { $1.setVectors([("space-1", [3e38, 3e38, 3e38, 3e38])]) }
      #expect(long[0].error.reason == "SCORE_OVERFLOW" && long[0].error.field == "queries[0].vectors[0].vector")
    }
  }

  @Test
  func `In shadow, vectors of two trainings are compared, and the overlap is what the two answers share`() async throws
  {
    // The same items, of which the second training likes the same best: 4 dimensions and two that say nothing.
    let base = Catalog(count: 60, prefix: "v")
    var other = Catalog(ids: base.ids, vectors: base.vectors.map { $0 + [0, 0] })
    other.model.spaceFingerprint = "space-2"
    try await RetrievalHarness.run(directory.path, milvus: nil) { server in
      try await server.publish(base)
      try await server.publish(other)
      try await server.start(0, 1000, shadow: 1000)
      let vectors: [[Float]] = [[1, 2, 3, 4, 0, 0], [-1, -2, -3, -4, 0, 0]]
      for (place, vector) in vectors.enumerated() {
        let results = try await server.search(users: users) {
          $1.setVectors([("space-1", first), ("space-2", vector)])
        }
        #expect(results.allSatisfy { $0.servedBy.version == RoutingTests.stable })
        try await waitUntil { try await server.figures().compared >= UInt64(200 * (place + 1)) }
        let figures = try await server.figures()
        let opposite = Set(base.ranking(of: vectors[1].dropLast(2), k: 5))
        let shared = Double(base.ranking(of: first, k: 5).count(where: opposite.contains)) / 5
        #expect(abs(figures.meanOverlap - (place == 0 ? 1 : (1 + shared) / 2)) < 1e-9)
        #expect(figures.candidate.shadowSearches == figures.compared && figures.candidate.errors == 0)
      }
    }
  }

  @Test
  func `A query without a vector for the other version is not compared`() async throws {
    try await run { server in
      try await server.start(500, shadow: 1000)
      _ = try await server.search(users: users) { $1.setVectors([("space-1", first)]) }
      _ = try await server.search(users: users)
      _ = try await server.search(users: users) { user, query in
        query.setVectors([("space-1", first), ("space-2", [1])])
        query.queryID = user
      }
      // Who names a version has encoded for that one alone.
      let onCanary = Set(RolloutUsers.onCanary(permille: 500))
      _ = try await server.search(users: users) { user, query in
        both(user, &query)
        query.expectedVersion = onCanary.contains(user) ? RoutingTests.candidate : RoutingTests.stable
      }
      let one = try await server.search(users: ["user-1"], both)
      #expect(!one[0].hasError)
      try await waitUntil { try await server.figures().compared == 1 }
      let figures = try await server.figures()
      #expect(figures.compared == 1 && figures.dropped == 0 && figures.candidate.shadowSearches == 1)
    }
  }

  @Test
  func `A vector that was made for one version alone, and that this version cannot take, is the version's failure`()
    async throws
  {
    try await run { server in
      try await server.start(500)
      let onCanary = RolloutUsers.onCanary(permille: 500)
      let results = try await server.search(users: onCanary) { $1.expectedVersion = RoutingTests.candidate }
      #expect(results.allSatisfy { $0.error.reason == "TENSOR_SHAPE" })
      let unsound = try await server.search(users: onCanary) { _, query in
        query.expectedVersion = RoutingTests.candidate
        query.k = 0
      }
      #expect(unsound.allSatisfy { $0.error.reason == "K_INVALID" })
      let figures = try await server.figures()
      #expect(figures.candidate.failures == ["TENSOR_SHAPE": UInt64(onCanary.count)] && figures.baseline.errors == 0)
    }
  }

  @Test
  func `The service falls back by the vector of the stable version's training, and not without one`() async throws {
    let backend = MemoryBackend()
    try await RetrievalHarness.run(directory.path, milvus: nil) { server in
      _ = try await server.publish(Catalog(count: 60, prefix: "v1"))
    }
    try await RetrievalHarness.run(directory.path, milvus: nil, backend: backend) { server in
      // Of the same length: a vector of the wrong training would be searched for without an error.
      try await server.publish(Catalog(count: 60, prefix: "v2", training: "space-2"))
      try await server.start(1000, fallsBack: true)
      backend.setDown(true)
      let expected = Catalog(count: 60, prefix: "v1").ranking(of: first, k: 5)
      let results = try await server.search(users: ["a", "b"]) { user, query in
        query.setVectors([("space-2", [4, 3, 2, 1])] + (user == "a" ? [("space-1", first)] : []))
      }
      #expect(results[0].items.map(\.itemID) == expected && results[0].fellBackFrom == RoutingTests.candidate)
      #expect(results[1].error.reason == "BACKEND_UNAVAILABLE" && results[1].items.isEmpty)
      await expectFailure(.unavailable, "BACKEND_UNAVAILABLE") {
        try await server.search.search(
          .with {
            $0.queries = [Pb.Query(of: "c", both)]
            $0.queries[0].setVectors([("space-1", first), ("space-2", first)])
            $0.expectedSpaceFingerprint = "space-2"
          })
      }
    }
  }

  @Test
  func `allow_other_space has no effect any more`() async throws {
    try await run(Catalog(count: 60, dim: 6, prefix: "v2")) { server in
      for isAllowed in [false, true] {
        await expectFailure(.failedPrecondition, "CANDIDATE_MISMATCH", field: "version", mentioning: "length 6") {
          try await server.admin.startRollout(
            .with {
              $0.version = RoutingTests.candidate
              $0.allowOtherSpace = isAllowed
              $0.plan.stages = [.with { $0.canaryPermille = 10 }]
            })
        }
      }
    }
  }
}
