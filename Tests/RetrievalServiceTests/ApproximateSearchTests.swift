// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import TestSupport
import Testing

@Suite(
  "Searches over RPC may be approximate", .enabled(if: MilvusServer.settings == nil, "Milvus has indexes of its own"))
struct ApproximateSearchTests {
  private static func catalog() -> Catalog {
    // Directions on a circle: every query has one nearest item, and scores that are told apart.
    let angles = (0..<4000).map { Float($0) * 2 * .pi / 4000 }
    return Catalog(
      ids: (0..<4000).map { "item-\($0)" },
      vectors: angles.map { angle in
        // The series are enough for the circle's upper half, mirrored for the lower.
        let turned = angle > .pi ? angle - 2 * .pi : angle
        let square = turned * turned
        return [1 - square / 2 + square * square / 24, turned - turned * square / 6, 1, 0.5]
      })
  }

  @Test
  func `An upload may ask for a graph, a request for a method; the answer says which was used`() async throws {
    let directory = try TemporaryDirectory()
    try await RetrievalHarness.run(directory.path) { server in
      let catalog = Self.catalog()
      var messages = catalog.upload(index: "", requestID: "", labels: [:])
      messages[0].header.graph = .with {
        $0.build = .always
        $0.m = 8
      }
      let version = try await server.upload(messages)
      #expect(version.graph.m == 8)
      #expect(version.graph.efConstruction == 200)
      #expect(version.graph.library.hasPrefix("hnswlib"))

      let query = Pb.Query.with {
        $0.k = 3
        $0.vector = Pb.Tensor([0.3, 0.9, 0, 0])
      }
      func answer(_ method: Retrieval_SearchMethod, ef: UInt32 = 0) async throws -> Pb.SearchResponse {
        try await server.search.search(
          .with {
            $0.queries = [query]
            $0.method = method
            $0.ef = ef
          })
      }
      let exact = try await answer(.exact).results[0]
      #expect(exact.method == .exact)
      #expect(exact.items.count == 3)
      #expect(try await answer(.unspecified).results[0].method == .approximate)
      let approximate = try await answer(.approximate, ef: 100).results[0]
      #expect(approximate.method == .approximate)
      for item in approximate.items { #expect(item.score <= exact.items[0].score) }
      #expect(try await answer(.approximate, ef: 4000).results[0].items == exact.items)
      let error = await #expect(throws: RPCError.self) { _ = try await answer(.approximate, ef: 200_000) }
      #expect(error?.code == .invalidArgument)

      let graphless = try await server.publish(Catalog(count: 20), index: "small")
      #expect(!graphless.hasGraph)
    }
  }
}
