// SPDX-License-Identifier: Apache-2.0

import Kernels

/// Answers queries by a version's graph, and says which of them a scan has to answer.
///
/// Excluded items are walked through and take no candidate's place; where the walk meets many of them, a scan has to
/// answer, so that exclusions cost no recall. What the graph finds has the scores that an exact search gives, in its order: the answers differ by items that were missed.
struct ApproximateSearcher {
  /// Queries between two looks at whether anybody still waits; some milliseconds.
  private static let queriesPerSlab = 32

  let team: ComputeTeam
  /// Candidates kept where a query does not say.
  let defaultEf: Int

  /// The queries' hits by their place, without those of queries that a scan has to answer: their filters leave few items, the
  /// walk grew too long, or found fewer than there are.
  func search(
    _ queries: [RowQuery], in vectors: MappedVectors, isCancelled: () -> Bool
  ) throws(VectorIndexError) -> [Int: [InnerProductScan.Hit]] {
    var found: [Int: [InnerProductScan.Hit]] = [:]
    var waiting: [Int: [Int]] = [:]
    for (place, query) in queries.enumerated() {
      if let ef = ef(of: query, in: vectors) { waiting[ef, default: []].append(place) }
    }
    for (ef, places) in waiting {
      for first in stride(from: 0, to: places.count, by: Self.queriesPerSlab) {
        if isCancelled() { throw VectorIndexError(.cancelled, "nobody waits for this search any more") }
        let slab = places[first..<min(first + Self.queriesPerSlab, places.count)]
        let answers = Self.walk(slab.map { queries[$0] }, in: vectors, ef: ef, team: team)
        for (place, answer) in zip(slab, answers) where Self.isWhole(answer, of: queries[place], in: vectors) {
          found[place] = answer.hits
        }
      }
    }
    return found
  }

  private static func walk(
    _ queries: [RowQuery], in vectors: MappedVectors, ef: Int, team: ComputeTeam
  ) -> [HNSWGraph.Answer] {
    // Beyond a quarter of the items, a scan, which reads them in their order, is as quick.
    let budget = max(4 * ef, vectors.count / 4)
    return vectors.graph?.search(queries[...], ef: ef, budget: budget, team: team) ?? []
  }

  private static func isWhole(_ answer: HNSWGraph.Answer, of query: RowQuery, in vectors: MappedVectors) -> Bool {
    answer.isComplete && answer.hits.count >= min(query.k, vectors.count - query.excludedRows.count)
  }

  /// Candidates to keep; nil when a scan suits the query better, or it asks for one.
  private func ef(of query: RowQuery, in vectors: MappedVectors) -> Int? {
    guard vectors.graph != nil, query.includedRows == nil else { return nil }
    let ef: Int
    switch query.method {
    case .exact: return nil
    case .versionDefault: ef = max(defaultEf, query.k)
    case .approximate(let asked): ef = max(asked ?? defaultEf, query.k)
    }
    let eligible = vectors.count - query.excludedRows.count
    // A walk passes some 25 items for each candidate, and the more of them the fewer are eligible.
    return eligible > ef && 25 * ef * vectors.count < eligible * eligible ? ef : nil
  }
}
