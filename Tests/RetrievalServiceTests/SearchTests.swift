// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import RetrievalService
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import TestSupport
import Testing

@Suite("Items are searched over RPC")
struct SearchTests {
  let directory: TemporaryDirectory
  let catalog = Catalog(count: 40)

  init() throws { directory = try TemporaryDirectory() }

  @Test
  func `A search gives the best items, the version that answered and where the time went`() async throws {
    try await RetrievalHarness.run(directory.path) { server in
      let published = try await server.publish(catalog)
      let response = try await server.search.search(
        .with {
          $0.requestID = "r-1"
          $0.queries = [Pb.Query([1, 2, 3, 4], k: 5, id: "a"), Pb.Query([-1, 0, 2, 1], k: 60, id: "b")]
          $0.expectedSpaceFingerprint = "space-1"
        })
      #expect(response.requestID == "r-1")
      #expect(response.results.map(\.queryID) == ["a", "b"])
      #expect(response.results[0].items.map(\.itemID) == catalog.ranking(of: [1, 2, 3, 4], k: 5))
      #expect(response.results[1].items.map(\.itemID) == catalog.ranking(of: [-1, 0, 2, 1], k: 40))
      let scores = response.results[0].items.map(\.score)
      #expect(scores == scores.sorted(by: >))
      #expect(response.servedBy.version == "default/versions/1" && response.servedBy.index == "default")
      #expect(response.servedBy.fingerprint == published.fingerprint)
      #expect(response.servedBy.builtBy == catalog.model)
      #expect(response.servedBy.role == .stable && response.servedBy.servingGeneration == 1)
      #expect(response.timing.batchSize == 2)
      #expect(response.timing.totalMicros >= response.timing.computeMicros)
    }
  }

  @Test
  func `Exclude and include lists work, with any element type`() async throws {
    try await RetrievalHarness.run(directory.path) { server in
      try await server.publish(catalog)
      let vector: [Float] = [2, -1, 1, 3]
      let seen = catalog.ranking(of: vector, k: 37)
      var narrow = Pb.Query(vector, k: 4)
      narrow.vector = Pb.Tensor(vector, as: .bfloat16)
      let response = try await server.search(
        Pb.Query(vector, k: 10, exclude: seen + ["unknown"]),
        Pb.Query(vector, k: 10, exclude: [seen[5]], include: [seen[6], seen[5], seen[5], "unknown"]), narrow)
      #expect(response.results[0].items.map(\.itemID) == catalog.ranking(of: vector, k: 10) { !seen.contains($0) })
      #expect(response.results[0].items.count == 3)
      #expect(response.results[1].items.map(\.itemID) == [seen[6]])
      #expect(response.results[2].items.map(\.itemID) == Array(seen.prefix(4)))
    }
  }

  @Test
  func `Categories limit a search; too many of them are refused`() async throws {
    var limits = RetrievalLimits()
    limits.maxItemsPerRequest = 2
    try await RetrievalHarness.run(directory.path, limits: limits) { server in
      var messages = catalog.upload(chunk: 15)
      for index in messages.indices.dropFirst().dropLast() {
        messages[index].chunk.categories = messages[index].chunk.itemIds.map { id in
          .with { $0.names = id.hasSuffix("1") ? ["ones", "some"] : id.hasSuffix("2") ? ["some"] : [] }
        }
      }
      _ = try await server.upload(messages)
      let vector: [Float] = [2, -1, 1, 3]
      var some = Pb.Query(vector, k: 3)
      some.includeCategories = ["some", "unknown"]
      var twos = Pb.Query(vector, k: 40)
      (twos.includeCategories, twos.excludeCategories) = (["some"], ["ones"])
      var many = Pb.Query(vector, k: 3)
      many.excludeCategories = ["a", "b", "c"]
      let results = try await server.search(some, twos, many).results
      #expect(
        results[0].items.map(\.itemID) == catalog.ranking(of: vector, k: 3) { $0.hasSuffix("1") || $0.hasSuffix("2") })
      #expect(results[1].items.map(\.itemID) == catalog.ranking(of: vector, k: 40) { $0.hasSuffix("2") })
      #expect(results[2].error.reason == "TOO_MANY_ITEMS" && results[2].error.message.contains("3 categories"))
    }
  }

  @Test
  func `A bad query has its own error with field and remedy; the others are answered`() async throws {
    var limits = RetrievalLimits()
    limits.maxItemsPerRequest = 3
    try await RetrievalHarness.run(directory.path, limits: limits) { server in
      try await server.publish(catalog)
      let long = ["a", "b", "c", "d"]
      let response = try await server.search(
        Pb.Query([1, 2, 3, 4], k: 1), Pb.Query([1, 2, 3], k: 1), Pb.Query([1, .nan, 3, 4], k: 1),
        Pb.Query([1, 2, 3, 4], k: 0), Pb.Query([1, 2, 3, 4], k: 1001), .with { $0.k = 1 },
        Pb.Query([1, 2, 3, 4], k: 1, exclude: long), Pb.Query([1, 2, 3, 4], k: 1, include: long),
        Pb.Query([3e38, 3e38, 3e38, 3e38], k: 1), Pb.Query([1, 2, 3, 4], k: 1))
      let reasons = [
        "", "TENSOR_SHAPE", "TENSOR_NOT_FINITE", "K_INVALID", "K_TOO_LARGE", "TENSOR_MISSING", "TOO_MANY_ITEMS",
        "TOO_MANY_ITEMS", "SCORE_OVERFLOW", "",
      ]
      #expect(response.results.map(\.error.reason) == reasons)
      #expect(response.results.map { $0.items.isEmpty } == reasons.map { !$0.isEmpty })
      for (index, result) in response.results.enumerated() where result.hasError {
        #expect(result.error.code == Int32(RPCError.Code.invalidArgument.rawValue))
        #expect(result.error.message.contains("queries[\(index)]"), "\(result.error.message)")
      }
      #expect(response.results[1].error.message.contains("[4]"))
      #expect(response.results[4].error.message.contains("1 to 1000"))
    }
  }

  @Test
  func `Requests without or with too many queries are refused`() async throws {
    var limits = RetrievalLimits()
    limits.maxQueriesPerRequest = 2
    try await RetrievalHarness.run(directory.path, limits: limits) { server in
      try await server.publish(catalog)
      await expectFailure(.invalidArgument, "NO_QUERIES", mentioning: "1 to 2") { try await server.search() }
      let query = Pb.Query([1, 2, 3, 4], k: 1)
      await expectFailure(.invalidArgument, "TOO_MANY_QUERIES", mentioning: "3 queries", "StreamSearch") {
        try await server.search(query, query, query)
      }
      #expect(try await server.search(query, query).results.count == 2)
    }
  }

  @Test
  func `Unknown indexes and versions are answered with those there are`() async throws {
    try await RetrievalHarness.run(directory.path) { server in
      let query = Pb.Query([1, 2, 3, 4], k: 1)
      await expectFailure(.notFound, "INDEX_NOT_FOUND", mentioning: "'default'", "CreateVersion") {
        try await server.search(query)
      }
      try await server.publish(catalog, index: "books")
      await expectFailure(.notFound, "INDEX_NOT_FOUND", mentioning: "'shoes'", "books") {
        try await server.search(query, in: .index("shoes"))
      }
      await expectFailure(.notFound, "VERSION_NOT_FOUND", mentioning: "books/versions/7") {
        try await server.search(query, in: .version("books/versions/7"))
      }
      await expectFailure(.invalidArgument, "VERSION_NAME_INVALID", mentioning: "INDEX/versions/NUMBER") {
        try await server.search(query, in: .version("books"))
      }
      #expect(try await server.search(query, in: .version("books/versions/1")).servedBy.role == .pinned)
    }
  }

  @Test
  func `Vectors of another training are refused`() async throws {
    try await RetrievalHarness.run(directory.path) { server in
      try await server.publish(catalog)
      await expectFailure(.failedPrecondition, "MODEL_MISMATCH", mentioning: "space-1", "space-2", "model 1") {
        try await server.search.search(
          .with {
            $0.queries = [Pb.Query([1, 2, 3, 4], k: 1)]
            $0.expectedSpaceFingerprint = "space-2"
          })
      }
    }
  }

  @Test
  func `Stored vectors come by item id, in the request's order`() async throws {
    var limits = RetrievalLimits()
    limits.maxItemsPerRequest = 3
    try await RetrievalHarness.run(directory.path, limits: limits) { server in
      try await server.publish(catalog)
      let response = try await server.search.getItems(.with { $0.itemIds = ["item-7", "unknown", "item-0"] })
      #expect(response.items.map(\.itemID) == ["item-7", "unknown", "item-0"])
      #expect(response.items.map(\.found) == [true, false, true])
      #expect(try response.items[0].vector.floats(field: "", shape: [4]) == catalog.vectors[7])
      #expect(!response.items[1].hasVector)
      #expect(response.servedBy.version == "default/versions/1")
      await expectFailure(.invalidArgument, "TOO_MANY_ITEMS", mentioning: "4 items", "at most 3") {
        try await server.search.getItems(.with { $0.itemIds = ["a", "b", "c", "d"] })
      }
    }
  }

  @Test
  func `Items come page by page, all from the version of the first page`() async throws {
    try await RetrievalHarness.run(directory.path) { server in
      try await server.publish(catalog)
      var request = Retrieval_GetItemsRequest()
      request.itemIds = ["item-7", "unknown", "item-0", "item-3", "item-7"]
      request.pageSize = 2
      var pages: [[Retrieval_Item]] = []
      repeat {
        let response = try await server.search.getItems(request)
        #expect(response.servedBy.version == "default/versions/1")
        pages.append(response.items)
        request.pageToken = response.nextPageToken
        if pages.count == 1 {
          let other = Catalog(ids: ["item-0"], vectors: [[9, 9, 9, 9]])
          try await server.publish(other)
          _ = try await server.admin.promoteVersion(.with { $0.version = "default/versions/2" })
        }
      } while !request.pageToken.isEmpty
      #expect(pages.map { $0.map(\.itemID) } == [["item-7", "unknown"], ["item-0", "item-3"], ["item-7"]])
      #expect(try pages[1][0].vector.floats(field: "", shape: [4]) == catalog.vectors[0])
      for token in [
        "x", "default/versions/1 5", "default/versions/1 02", "default/versions/1 2 ", "default/versions/1 -1",
      ] {
        request.pageToken = token
        await expectFailure(.invalidArgument, "PAGE_TOKEN_INVALID", mentioning: token) {
          try await server.search.getItems(request)
        }
      }
    }
  }

  @Test
  func `A page holds no more than clients take, and what does not fit into a message is refused`() async throws {
    var limits = RetrievalLimits()
    limits.maxMessageBytes = 5 << 20
    try await RetrievalHarness.run(directory.path, limits: limits) { server in
      let wide = Catalog(ids: ["wide"], vectors: [[Float](repeating: 1, count: 4096)])
      try await server.publish(wide)
      // Of 16 KiB each, and 6.6 MB together.
      var request = Retrieval_GetItemsRequest()
      request.itemIds = Array(repeating: "wide", count: 400)
      await expectFailure(.resourceExhausted, "ANSWER_TOO_LARGE", mentioning: "page_size") {
        try await server.search.getItems(request)
      }
      request.pageSize = 1000
      var counts: [Int] = []
      repeat {
        let response = try await server.search.getItems(request)
        #expect(try response.serializedData().count <= 4 << 20)
        counts.append(response.items.count)
        request.pageToken = response.nextPageToken
      } while !request.pageToken.isEmpty
      #expect(counts.reduce(0, +) == 400 && counts.count == 2)
    }
  }

  @Test
  func `The server says what it serves and what one may ask for`() async throws {
    var limits = RetrievalLimits()
    limits.maxK = 77
    try await RetrievalHarness.run(directory.path, limits: limits) { server in
      try await server.publish(catalog, index: "b")
      try await server.publish(catalog, index: "a")
      try await server.publish(catalog, index: "a")
      let info = try await server.search.getServerInfo(.init())
      #expect(info.indexes.map(\.version) == ["a/versions/1", "b/versions/1"])
      #expect(info.limits.maxK == 77 && info.limits.maxItemsPerVersion == 50_000_000)
      #expect(info.serverVersion == Product.version)
    }
  }
}
