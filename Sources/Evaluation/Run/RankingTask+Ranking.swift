// SPDX-License-Identifier: Apache-2.0

/// How a method ranked the held-out items.
package struct RankingResult: Sendable {
  package let method: String
  /// One for each user of the task, in its order.
  package let ranks: [Rank]
  /// Of each user's candidates, in the order of the task's query; nil when they were not kept.
  package let scores: [[Float]]?
  /// Share of the catalog's items that are among somebody's first `coverageDepth`.
  package let coverage: Double
  /// Spent in the method alone.
  package let scoringTime: Duration
  /// Mean tokens of a user's prompt; nil for a method without prompts.
  package let tokensPerUser: Double?

  package static let coverageDepth = 10

  package var secondsPer100Users: Double {
    ranks.isEmpty ? 0 : (scoringTime / .seconds(1)) * 100 / Double(ranks.count)
  }

  /// A metric's value for each user.
  package func values(of metric: Metric) -> [Double] { ranks.map(metric.value(of:)) }
}

extension RankingTask {
  /// Ranks every held-out item.
  ///
  /// - Parameters:
  ///   - keepsScores: whether the result has them.
  ///   - progress: told how many users are done; what it throws ends the ranking.
  package func rank(
    with method: some RankingMethod, keepsScores: Bool = false, progress: (Int) throws -> Void = { _ in }
  ) throws -> RankingResult {
    var tally = RankTally(self, method: method.name, keepsScores: keepsScores)
    var time = Duration.zero
    var tokens: Int?
    for start in stride(from: 0, to: users.count, by: method.usersAtOnce) {
      let places = start..<min(start + method.usersAtOnce, users.count)
      let queries = users[places].map(query(of:))
      let begin = ContinuousClock.now
      let scores = try method.scores(of: queries)
      time += begin.duration(to: .now)
      if let counts = try method.promptTokens(of: queries) { tokens = counts.reduce(tokens ?? 0, +) }
      for (place, (query, scores)) in zip(places, zip(queries, scores)) { try tally.add(scores, of: query, at: place) }
      try progress(places.upperBound)
    }
    return tally.result(scoringTime: time, tokens: tokens)
  }
}
