// SPDX-License-Identifier: Apache-2.0

import CrashProbe
import Foundation
import TestSupport
import Testing
import VectorIndex

@Suite("Searches may be limited to categories")
struct CategoryTests {
  let directory: TemporaryDirectory
  let searcher = Searcher(threads: 2)
  let catalog = Catalog(count: 400, dim: 12, seed: 21)
  let vector: [Float]
  /// The whole catalog, best first.
  let all: [ScoredItem]

  init() throws {
    directory = try TemporaryDirectory(inMemory: true)
    var random = SeededGenerator(seed: 22)
    vector = random.uniform(12)
    all = catalog.ranking(of: SearchQuery(vector: vector, k: 400))
  }

  /// Items are even or odd by their number, every tenth is rare too, and every seventh in no category.
  func categories(of id: String) -> [String] {
    let number = Int(id.split(separator: "-")[1]) ?? 0
    if number % 7 == 0 { return [] }
    return [number % 2 == 0 ? "even" : "odd"] + (number % 10 == 0 ? ["rare", "rare"] : [])
  }

  func publish(_ catalog: Catalog, in store: VersionStore) throws {
    let upload = try store.beginUpload(
      UploadHeader(index: "items", builtBy: BuiltBy(spaceFingerprint: "s"), dim: catalog.dim))
    for first in stride(from: 0, to: catalog.ids.count, by: 130) {
      let rows = first..<min(first + 130, catalog.ids.count)
      try upload.append(
        itemIDs: Array(catalog.ids[rows]),
        values: Array(catalog.values[rows.lowerBound * catalog.dim..<rows.upperBound * catalog.dim]),
        categories: catalog.ids[rows].map(categories))
    }
    _ = try store.publish(upload, expectedItems: UInt64(catalog.ids.count))
  }

  func answer(_ query: SearchQuery, in store: VersionStore) throws -> [ScoredItem] {
    try searcher.search([query], in: store.resolve(index: "items").version)[0].get()
  }

  @Test(arguments: [true, false])
  func `A search gives k items whenever as many are eligible, before and after a start`(isShuffled: Bool) throws {
    let catalog = Catalog(
      ids: isShuffled ? self.catalog.ids : self.catalog.ids.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) },
      vectors: try
        (isShuffled ? self.catalog.ids : self.catalog.ids.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
        .map { try #require(self.catalog.vector($0)) })
    let seen = all.prefix(60).map(\.itemID)
    let some = all.suffix(90).map(\.itemID)
    func expected(_ k: Int, _ isEligible: (String) -> Bool) -> [ScoredItem] {
      Array(all.filter { isEligible($0.itemID) }.prefix(k))
    }
    let cases: [(SearchQuery, [ScoredItem])] = [
      (
        SearchQuery(vector: vector, k: 10, includedCategories: ["even"]),
        expected(10) { categories(of: $0).contains("even") }
      ),
      (
        SearchQuery(vector: vector, k: 400, includedCategories: ["even", "odd"]),
        expected(400) { !categories(of: $0).isEmpty }
      ),
      (
        SearchQuery(vector: vector, k: 50, includedCategories: ["rare"]),
        expected(50) { categories(of: $0).contains("rare") }
      ),
      (
        SearchQuery(vector: vector, k: 9, excludedCategories: ["even", "odd"]),
        expected(9) { categories(of: $0).isEmpty }
      ),
      (
        SearchQuery(vector: vector, k: 20, excludedCategories: ["rare"], includedCategories: ["even"]),
        expected(20) { categories(of: $0).contains("even") && !categories(of: $0).contains("rare") }
      ),
      (
        SearchQuery(vector: vector, k: 30, excludedItems: seen, excludedCategories: ["odd"]),
        expected(30) { !seen.contains($0) && !categories(of: $0).contains("odd") }
      ),
      (
        SearchQuery(
          vector: vector, k: 30, excludedItems: seen, includedItems: some, includedCategories: ["odd", "gone"]),
        expected(30) { some.contains($0) && !seen.contains($0) && categories(of: $0).contains("odd") }
      ),
      (SearchQuery(vector: vector, k: 5, includedCategories: ["gone"]), []),
      (SearchQuery(vector: vector, k: 5, excludedCategories: ["gone"]), expected(5) { _ in true }),
    ]
    do {
      let store = try VersionStore(path: directory.path)
      try publish(catalog, in: store)
      for (query, items) in cases { #expect(try answer(query, in: store) == items) }
    }
    let store = try VersionStore(path: directory.path)
    #expect(store.findings.isEmpty)
    let version = try store.resolve(index: "items").version
    #expect(try searcher.search(cases.map(\.0), in: version).map { try $0.get() } == cases.map(\.1))
  }

  @Test
  func `A version without categories is written as releases before them wrote it`() throws {
    let store = try VersionStore(path: directory.path)
    try store.publish(catalog)
    try publish(catalog, in: store)
    func format(_ number: Int) throws -> Int? {
      let bytes = try directory.read("indexes/items/versions/\(number)/manifest.json")
      return (try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])?["format"] as? Int
    }
    #expect(try format(1) == 1)
    #expect(try format(2) == 3)
    let fingerprints = try store.versions(of: "items").map(\.info.fingerprint)
    #expect(Set(fingerprints).count == 2, "categories are part of the contents")
    #expect(try answer(SearchQuery(vector: vector, k: 3, includedCategories: ["even"]), in: store).isEmpty)
  }

  @Test(arguments: RecoveryTests.Damage.allCases)
  func `A damaged file of categories is named`(damage: RecoveryTests.Damage) throws {
    do { try publish(catalog, in: VersionStore(path: directory.path)) }
    try damage.apply(to: "indexes/items/versions/1/categories.u32", in: directory)
    let findings = try VersionStore(path: directory.path).findings
    let isNamed = findings.contains {
      if case .quarantined(_, _, let reason) = $0 { reason.contains("categories.u32") } else { false }
    }
    #expect(isNamed, "\(findings)")
  }

  @Test
  func `Lists that are not one for each item, and empty or too long names, are refused`() throws {
    let store = try VersionStore(path: directory.path)
    let bad: [([[String]], String)] = [
      ([["a"]], "2 items came with the categories of 1"), ([["a"], [""]], "0 bytes"),
      ([["a"], [String(repeating: "x", count: 257)]], "257 bytes; a category has 1 to 256"),
    ]
    for (categories, message) in bad {
      let upload = try store.beginUpload(
        UploadHeader(index: "items", builtBy: BuiltBy(spaceFingerprint: "s"), dim: 1))
      #expect {
        try upload.append(itemIDs: ["a", "b"], values: [1, 2], categories: categories)
      } throws: {
        guard let error = $0 as? VectorIndexError else { return false }
        return error.code == .invalidCategory && error.message.contains(message)
      }
    }
  }
}
