// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import MilvusBackend
import RetrievalService
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import TestSupport
import Testing

/// What is Milvus' own; everything else of the contract is tested by the other suites, which run against it too.
@Suite("Vectors may lie in Milvus", .enabled(if: MilvusServer.isUsed, "\(MilvusServer.hint)"), .timeLimit(.minutes(60)))
struct MilvusTests {
  let directory: TemporaryDirectory
  let backend: MilvusBackend
  let catalog = Catalog(count: 3000, dim: 8)
  let vector: [Float] = [2, -1, 1, 3, 0, -2, 1, 1]

  init() throws {
    directory = try TemporaryDirectory()
    backend = try MilvusBackend(try #require(MilvusServer.settings))
  }

  /// The directory's collections.
  private func collections() async throws -> [String] {
    try #require(try await MilvusServer.collections(of: directory.text("backend/id")))
  }

  private func settings(_ edit: (inout MilvusSettings) throws -> Void) rethrows -> MilvusSettings? {
    guard var settings = MilvusServer.settings else { return nil }
    try edit(&settings)
    return settings
  }

  @Test
  func `Thousands of excluded items, deep answers and any ids give exactly the ranking`() async throws {
    var limits = RetrievalLimits()
    limits.maxK = 20_000
    let odd = ["a\"b", "c\\d", "it's", "käse", "row in [1]", "日本", String(repeating: "x", count: 512)]
    let mixed = Catalog(ids: catalog.ids + odd, vectors: catalog.vectors + odd.map { _ in vector })
    try await RetrievalHarness.run(directory.path, limits: limits) { server in
      try await server.publish(mixed)
      let best = mixed.ranking(of: vector, k: 2500)
      let response = try await server.search(
        Pb.Query(vector, k: 3500), Pb.Query(vector, k: 20, exclude: Array(best.prefix(900))),
        Pb.Query(vector, k: 20, exclude: Array(best.prefix(2400))), Pb.Query(vector, k: 9, include: odd + [best[2000]]),
        Pb.Query(vector, k: 5, include: ["unknown"]))
      #expect(response.results[0].items.map(\.itemID) == mixed.ranking(of: vector, k: 3500))
      #expect(response.results[1].items.map(\.itemID) == Array(best[900..<920]))
      #expect(response.results[2].items.map(\.itemID) == Array(best[2400..<2420]))
      let listed = Set(odd + [best[2000]])
      #expect(response.results[3].items.map(\.itemID) == mixed.ranking(of: vector, k: 9) { listed.contains($0) })
      #expect(response.results[4].items.isEmpty && !response.results[4].hasError)
      let tooMany = try await server.search(Pb.Query(vector, k: 16_385), Pb.Query(vector, k: 1))
      #expect(tooMany.results[0].error.reason == "K_TOO_LARGE" && tooMany.results[1].items.count == 1)
      let stored = try await server.search.getItems(.with { $0.itemIds = ["日本", "none", catalog.ids[7]] })
      #expect(stored.items.map(\.found) == [true, false, true])
      #expect(try stored.items[2].vector.floats(field: "", shape: [8]) == catalog.vectors[7])
    }
  }

  @Test
  func `A collection dropped behind its back is told of, and a rollback answers again`() async throws {
    try await RetrievalHarness.run(directory.path) { server in
      try await server.publish(Catalog(count: 30))
      let first = Set(try await collections())
      try await server.publish(Catalog(count: 40))
      _ = try await server.admin.promoteVersion(.with { $0.version = "default/versions/2" })
      let second = try #require(Set(try await collections()).subtracting(first).first)
      _ = try await server.admin.verifyVersion(.with { $0.name = "default/versions/2" })
      try await backend.drop(second)
      await expectFailure(.dataLoss, "VERSION_CORRUPT", mentioning: second, "publish") {
        try await server.admin.verifyVersion(.with { $0.name = "default/versions/2" })
      }
      await expectFailure(.dataLoss, "VERSION_CORRUPT", mentioning: second, "roll back") {
        try await server.search(Pb.Query([1, 2, 3, 4], k: 3))
      }
      _ = try await server.admin.rollbackVersion(.init())
      #expect(try await server.search(Pb.Query([1, 2, 3, 4], k: 3)).results[0].items.count == 3)
    }
  }

  @Test
  func `A deleted version's collection is dropped, another's is not`() async throws {
    try await RetrievalHarness.run(directory.path) { server in
      for _ in 0..<2 { try await server.publish(Catalog(count: 30)) }
      #expect(try await collections().count == 2)
      _ = try await server.admin.deleteVersion(.with { $0.name = "default/versions/2" })
      // milvus-lite fails to list its collections while one of them goes.
      try await waitUntil { (try? await collections().count) ?? 2 <= 1 }
      #expect(try await server.search(Pb.Query([1, 2, 3, 4], k: 3)).results[0].items.count == 3)
    }
  }

  @Test
  func `A catalog moves by stages from a version on disk to one in Milvus`() async throws {
    try await RetrievalHarness.run(directory.path, milvus: nil) { server in
      _ = try await server.publish(catalog)
    }
    try await RetrievalHarness.run(directory.path) { server in
      try await server.publish(catalog)
      _ = try await server.admin.startRollout(
        .with {
          $0.version = "default/versions/2"
          $0.plan.stages = [
            .with {
              $0.canaryPermille = 500
              $0.shadowPermille = 1000
              $0.manual = true
            }
          ]
        })
      var seen: Set<String> = []
      for user in 0..<40 {
        var query = Pb.Query(vector, k: 10)
        query.routingKey = "user-\(user)"
        let response = try await server.search(query, query)
        seen.insert(response.servedBy.version)
        #expect(response.results.allSatisfy { $0.items.map(\.itemID) == catalog.ranking(of: vector, k: 10) })
      }
      #expect(seen.count == 2)
      var figures = Retrieval_RolloutFigures()
      while figures.compared < 20 {
        figures = try await server.admin.getServingState(.init()).figures
        try await Task.sleep(for: .milliseconds(20))
      }
      #expect(figures.meanOverlap == 1 && figures.meanScoreDrift == 0)
    }
  }

  @Test
  func `An approximate index serves, and a start under other settings does`() async throws {
    let graph = try settings { $0.index = try MilvusIndex(parsing: "hnsw:M=16,efConstruction=100,ef=64") }
    try await RetrievalHarness.run(directory.path, milvus: graph) { server in
      try await server.publish(catalog)
      _ = try await server.admin.verifyVersion(.with { $0.name = "default/versions/1" })
    }
    try await RetrievalHarness.run(directory.path) { server in
      let exact = Set(catalog.ranking(of: vector, k: 10))
      let excluded = catalog.ranking(of: vector, k: 100)
      let response = try await server.search(
        Pb.Query(vector, k: 10), Pb.Query(vector, k: 10, exclude: excluded))
      let scores = Set(exact.map { id in score(of: id) })
      // Many of these whole-numbered vectors are equal: what counts is how good the items are.
      #expect(response.results[0].items.map(\.score).allSatisfy { scores.contains($0) })
      #expect(response.results[1].items.count == 10)
      #expect(response.results[1].items.allSatisfy { !excluded.contains($0.itemID) })
    }
  }

  private func score(of id: String) -> Float {
    let stored = catalog.vectors[catalog.ids.firstIndex(of: id) ?? 0]
    return zip(vector, stored).reduce(0) { $0 + $1.0 * $1.1 }
  }

  @Test
  func `A server that is not there fails calls with its address, and spoils nothing`() async throws {
    try await RetrievalHarness.run(directory.path) { server in _ = try await server.publish(Catalog(count: 30)) }
    let nowhere = settings {
      $0.address = "127.0.0.1:1"
      $0.searchTimeout = .seconds(2)
    }
    try await RetrievalHarness.run(directory.path, milvus: nowhere) { server in
      await expectFailure(.unavailable, "BACKEND_UNAVAILABLE", mentioning: "127.0.0.1:1", "check") {
        try await server.search(Pb.Query([1, 2, 3, 4], k: 3))
      }
      await expectFailure(.unavailable, "BACKEND_UNAVAILABLE", mentioning: "127.0.0.1:1") {
        try await server.publish(Catalog(count: 30))
      }
      let versions = try await server.admin.listVersions(.init()).versions
      #expect(versions.map(\.roles) == [[.stable]])
    }
    try await RetrievalHarness.run(directory.path) { server in
      #expect(try await server.search(Pb.Query([1, 2, 3, 4], k: 3)).results[0].items.count == 3)
      let again = try await server.publish(Catalog(count: 30)).name
      #expect(again != "default/versions/1")
      #expect(directory.entries("backend/pending").isEmpty)
    }
  }

  @Test
  func `A database that is not there is refused by name, and nothing is left`() async throws {
    let other = settings { $0.database = "nobodys" }
    try await RetrievalHarness.run(directory.path, milvus: other) { server in
      let error = await #expect(throws: RPCError.self) { try await server.publish(Catalog(count: 30)) }
      // Milvus has a code of its own for it (see MilvusStatusTests), milvus-lite has none.
      #expect(["BACKEND_REFUSED", "BACKEND_FAILED"].contains(error?.reason))
      #expect(error?.message.contains("nobodys") == true)
      #expect(directory.entries("staging").isEmpty)
    }
  }

  @Test
  func `A start without the address is refused`() async throws {
    try await RetrievalHarness.run(directory.path) { server in _ = try await server.publish(Catalog(count: 30)) }
    await #expect {
      try await RetrievalHarness.run(directory.path, milvus: nil) { _ in }
    } throws: { error in
      "\(error)".contains("--milvus-address")
    }
  }
}
