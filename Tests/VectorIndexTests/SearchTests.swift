// SPDX-License-Identifier: Apache-2.0

import CrashProbe
import Rollouts
import TestSupport
import Testing
import VectorIndex

@Suite("A version is searched")
struct SearchTests {
  let searcher: Searcher
  let directory: TemporaryDirectory

  init() throws {
    searcher = Searcher(threads: 2)
    directory = try TemporaryDirectory(inMemory: true)
  }

  func open(_ catalog: Catalog) throws -> IndexVersion {
    let store = try VersionStore(path: directory.path)
    return try store.resolve(version: store.publish(catalog).info.name).version
  }

  @Test(arguments: [(1, 1), (1, 512), (2, 3), (17, 16), (100, 50), (333, 65)])
  func `Hits equal brute force at odd sizes`(count: Int, dim: Int) throws {
    let catalog = Catalog(count: count, dim: dim, seed: 3)
    let version = try open(catalog)
    var random = SeededGenerator(seed: 4)
    let queries = [1, 3, 10, count, count + 5].map { SearchQuery(vector: random.uniform(dim), k: $0) }
    let found = try searcher.search(queries, in: version).map { try $0.get() }
    #expect(found == queries.map { catalog.ranking(of: $0) })
    #expect(found.map(\.count) == queries.map { min($0.k, count) })
    for query in queries { #expect(try searcher.search([query], in: version)[0].get() == catalog.ranking(of: query)) }
  }

  @Test
  func `Versions are compared by the bytes of their items' ids`() throws {
    // "é" as one character, and as a letter with its accent.
    let vectors: [[Float]] = [[1, 0], [0, 1]]
    let composed = try open(Catalog(ids: ["caf\u{e9}", "same"], vectors: vectors))
    let decomposed = try open(Catalog(ids: ["cafe\u{301}", "same"], vectors: vectors))
    let comparison = try VersionComparison(baseline: composed, candidate: decomposed, queryCount: 2, k: 2)
    #expect(comparison.onlyInBaseline == 1 && comparison.onlyInCandidate == 1)
    #expect(comparison.overlap.mean == 0.5)
  }

  @Test
  func `Scores are the inner product, within float32's rounding of a sum of 512 terms`() throws {
    let catalog = Catalog(count: 40, dim: 512, seed: 8)
    var random = SeededGenerator(seed: 9)
    let query = SearchQuery(vector: random.uniform(512), k: 40)
    for item in try searcher.search([query], in: open(catalog))[0].get() {
      let stored = try #require(catalog.vector(item.itemID))
      let exact = zip(query.vector, stored).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
      #expect(abs(exact - Double(item.score)) < 512 * 0x1p-24 * 512 / 3)
    }
  }

  @Test
  func `Exclude and include lists work, with any element type`() throws {
    let catalog = Catalog(count: 200, dim: 20, seed: 5)
    let version = try open(catalog)
    var random = SeededGenerator(seed: 6)
    let vector = random.uniform(20)
    let all = catalog.ranking(of: SearchQuery(vector: vector, k: 200)).map(\.itemID)
    let queries = [
      SearchQuery(vector: vector, k: 10, excludedItems: Array(all.prefix(150))),
      SearchQuery(vector: vector, k: 10, excludedItems: Array(all.prefix(195))),
      SearchQuery(vector: vector, k: 10, excludedItems: all),
      SearchQuery(vector: vector, k: 3, excludedItems: [all[0], all[0], "unknown", all[2], all[0]]),
      SearchQuery(vector: vector, k: 10, includedItems: Array(all.suffix(12))),
      SearchQuery(vector: vector, k: 10, includedItems: [all[7], all[7], "unknown", all[190]]),
      SearchQuery(vector: vector, k: 10, excludedItems: [all[7], all[9]], includedItems: [all[7], all[8], all[9]]),
      SearchQuery(vector: vector, k: 10, excludedItems: [all[7]], includedItems: [all[7]]),
      SearchQuery(vector: vector, k: 10, includedItems: ["unknown"]),
    ]
    let found = try searcher.search(queries, in: version).map { try $0.get() }
    #expect(found == queries.map { catalog.ranking(of: $0) })
    #expect(found.map(\.count) == [10, 5, 0, 3, 10, 2, 1, 0, 0])
  }

  @Test(arguments: [1, 1000, 2995])
  func `Thousands of excluded items, unknown ones among them, leave the best of the others`(count: Int) throws {
    let catalog = Catalog(count: 3000, dim: 8, seed: 12)
    let version = try open(catalog)
    var random = SeededGenerator(seed: 13)
    let vector = random.uniform(8)
    let all = catalog.ranking(of: SearchQuery(vector: vector, k: 3000))
    let excluded = (all.prefix(count).map(\.itemID) + (0..<count).map { "gone-\($0)" }).shuffled(using: &random)
    let query = SearchQuery(vector: vector, k: 10, excludedItems: excluded)
    #expect(try searcher.search([query], in: version)[0].get() == Array(all.dropFirst(count).prefix(10)))
  }

  @Test
  func `Equal scores come by item id in byte order, whatever the order of arrival`() throws {
    // "é" in two spellings are two ids; byte order is not Swift's order of strings.
    let ids = ["b", "z", "\u{e9}", "e\u{301}", "Z", "a", "10", "9", "😀", "\u{ff5e}"]
    let catalog = Catalog(ids: ids, vectors: ids.map { _ in [1, 2, 3] })
    let found = try searcher.search([SearchQuery(vector: [1, 1, 1], k: 10)], in: open(catalog))[0].get()
    #expect(
      found.map { Array($0.itemID.utf8) } == ids.map { Array($0.utf8) }.sorted { $0.lexicographicallyPrecedes($1) })
    #expect(found.allSatisfy { $0.score == 6 })
  }

  @Test
  func `A bad query has its own error with field and remedy; the others are answered`() throws {
    let catalog = Catalog(count: 30, dim: 4, seed: 1)
    let version = try open(catalog)
    let good = SearchQuery(vector: [1, 0, 0, 0], k: 3)
    let queries = [
      good, SearchQuery(vector: [1, 0, 0], k: 3), SearchQuery(vector: [1, .nan, 0, 0], k: 3),
      SearchQuery(vector: [1, 0, -.infinity, 0], k: 3), SearchQuery(vector: [1, 0, 0, 0], k: 0),
      SearchQuery(vector: [3e38, 3e38, 0, 0], k: 3), good,
    ]
    let results = try searcher.search(queries, in: version)
    let codes = results.map { result -> VectorIndexError.Code? in
      guard case .failure(let error) = result else { return nil }
      return error.code
    }
    #expect(codes == [nil, .dimensionMismatch, .notFinite, .notFinite, .invalidK, .scoreOverflow, nil])
    #expect(try results[0].get() == catalog.ranking(of: good))
    #expect(try results[6].get() == catalog.ranking(of: good))
    guard case .failure(let mismatch) = results[1], case .failure(let nan) = results[2] else { return }
    #expect(mismatch.message.contains("3 elements") && mismatch.message.contains("items/versions/1 have 4"))
    #expect(nan.message.contains("element 1 of the query vector is nan"))
  }

  @Test
  func `No queries have no answers, and a cancelled search ends with its error`() throws {
    let version = try open(Catalog(count: 30, dim: 4, seed: 1))
    #expect(try searcher.search([], in: version).isEmpty)
    #expect {
      try searcher.search([SearchQuery(vector: [1, 0, 0, 0], k: 3)], in: version, isCancelled: { true })
    } throws: { ($0 as? VectorIndexError)?.code == .cancelled }
  }

  @Test
  func `Stored vectors come back by item id`() throws {
    let catalog = Catalog(count: 50, dim: 6, seed: 2)
    let version = try open(catalog)
    for id in catalog.ids { #expect(try version.vector(of: id) == catalog.vector(id)) }
    #expect(try version.vector(of: "item-50") == nil)
    #expect(try version.vector(of: "") == nil)
  }
}
