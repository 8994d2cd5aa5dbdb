// SPDX-License-Identifier: Apache-2.0

/// Ranks the same held-out items again for every place of an axis.
package struct RankingStudy: Sendable {
  package static let metrics: [Metric] = [.hit(5), .ndcg(5)]

  package let task: RankingTask
  /// Places of the axis, ascending.
  package let places: [Double]
  package let bootstrap: Bootstrap

  package init(task: RankingTask, places: [Double], bootstrap: Bootstrap) {
    self.task = task
    self.places = places
    self.bootstrap = bootstrap
  }

  /// The figures of one method.
  ///
  /// - Parameters:
  ///   - seeds: those to take the mean over at a place; none where chance has no part.
  ///   - rank: ranks with the method as it is at a place, made with a seed; 0 where there are none.
  package func series(
    _ name: String, seeds: (Double) -> [UInt64] = { _ in [] }, rank: (Double, UInt64) throws -> RankingResult
  ) throws -> [StudyResult.Series] {
    var points = Self.metrics.map { _ in [StudyResult.Point]() }
    for place in places {
      let seeds = seeds(place)
      let results = try (seeds.isEmpty ? [0] : seeds).map { try rank(place, $0) }
      let estimates = MethodReport(name: name, seeds: seeds, results: results).estimates(of: Self.metrics, bootstrap)
      for (metric, estimate) in estimates.enumerated() { points[metric].append(.init(x: place, estimate)) }
    }
    return zip(Self.metrics, points).map { .init(name: name, metric: $0.description, points: $1) }
  }
}
