// SPDX-License-Identifier: Apache-2.0

import Basics
package import Rollouts

/// How far two versions agree, asked with the vectors of one's own items.
package struct VersionComparison: Sendable, Equatable {
  package let overlap: RunningMean
  package let rankBiasedOverlap: RunningMean
  package let scoreDrift: RunningMean
  package let onlyInBaseline: Int
  package let onlyInCandidate: Int

  /// Searches both versions for evenly spaced items of the baseline. Blocks its thread.
  package init(
    baseline: IndexVersion, candidate: IndexVersion, queryCount: Int, k: Int, isCancelled: () -> Bool = { false }
  ) throws(VectorIndexError) {
    let searcher = Searcher(threads: 1)
    let (overlap, rankBiased, drift) = try Self.compare(
      try Self.queries(from: baseline, count: queryCount, k: k), in: baseline, candidate, on: searcher, isCancelled)
    self.overlap = overlap
    rankBiasedOverlap = rankBiased
    scoreDrift = drift
    let shared = Self.sharedItems(baseline.items, candidate.items)
    onlyInBaseline = baseline.items.count - shared
    onlyInCandidate = candidate.items.count - shared
  }

  private static func queries(
    from version: IndexVersion, count: Int, k: Int
  ) throws(VectorIndexError) -> [SearchQuery] {
    let used = min(count, version.items.count)
    let rows = (0..<used).map { $0 * version.items.count / used }
    return try version.vectors.read(rows: rows).map { SearchQuery(vector: $0, k: k) }
  }

  private static func compare(
    _ queries: [SearchQuery], in baseline: IndexVersion, _ candidate: IndexVersion, on searcher: Searcher,
    _ isCancelled: () -> Bool
  ) throws(VectorIndexError) -> (RunningMean, RunningMean, RunningMean) {
    var (overlap, rankBiased, drift) = (RunningMean(), RunningMean(), RunningMean())
    let left = try searcher.search(queries, in: baseline, isCancelled: isCancelled)
    let right = try searcher.search(queries, in: candidate, isCancelled: isCancelled)
    for (left, right) in zip(left, right) {
      let lists = RankedListComparison(
        baseline: try left.get().map { ($0.itemID, $0.score) }, candidate: try right.get().map { ($0.itemID, $0.score) }
      )
      overlap.add(lists.overlap)
      rankBiased.add(lists.rankBiasedOverlap)
      drift.add(lists.scoreDrift)
    }
    return (overlap, rankBiased, drift)
  }

  /// Items in both; the ids of a version are in order.
  private static func sharedItems(_ a: borrowing ItemTable, _ b: borrowing ItemTable) -> Int {
    var (row, other, shared) = (0, 0, 0)
    while row < a.count && other < b.count {
      let (left, right) = (Identifier(a.id(ofRow: row)), Identifier(b.id(ofRow: other)))
      if left == right { shared += 1 }
      if left <= right { row += 1 }
      if right <= left { other += 1 }
    }
    return shared
  }
}
