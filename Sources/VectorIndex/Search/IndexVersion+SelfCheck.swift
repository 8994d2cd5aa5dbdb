// SPDX-License-Identifier: Apache-2.0

extension IndexVersion {
  /// Searches for a few of the version's own vectors and compares the answers with inner products computed one by one in
  /// double precision: what was written can be found before anybody is sent to it.
  func checkOwnVectors() throws(VectorIndexError) {
    let rows = Set([0, items.count / 2, items.count - 1]).sorted()
    let methods: [SearchMethod] = info.graph == nil ? [.exact] : [.exact, .approximate(ef: nil)]
    let own = try vectors.read(rows: rows)
    let queries = methods.flatMap { method in own.map { SearchQuery(vector: $0, k: 10, method: method) } }
    for (query, result) in zip(queries, try Searcher(threads: 1).search(queries, in: self)) {
      // An earlier release published vectors so long that scores overflow: they are refused query by query and no damage.
      guard case .success(let items) = result else { continue }
      try check(items, of: query)
    }
  }

  private func check(_ items: [ScoredItem], of query: SearchQuery) throws(VectorIndexError) {
    guard items.count == min(query.k, info.itemCount) else {
      throw VectorIndexError(.corrupt, "a search of \(info.name) found \(items.count) of \(query.k) items")
    }
    for item in items {
      let stored = try vector(of: item.itemID) ?? []
      let score = zip(query.vector, stored).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
      // float32 sums of `dim` products err by at most dim · 2⁻²⁴ of the product of the norms.
      let bound = Double(info.dim) * 0x1p-24 * maxNorm * maxNorm + Double(Float.leastNonzeroMagnitude)
      guard stored.count == info.dim, abs(score - Double(item.score)) <= bound else {
        throw VectorIndexError(
          .corrupt, "a search of \(info.name) gave item '\(item.itemID)' the score \(item.score), not \(score)")
      }
    }
  }
}
