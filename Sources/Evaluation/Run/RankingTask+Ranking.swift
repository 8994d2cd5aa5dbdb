import Datasets

/// How a method ranked the held-out items.
package struct RankingResult: Sendable {
  package let method: String
  /// One for each user of the task, in its order.
  package let ranks: [Rank]
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
  /// - Parameter progress: told how many users are done; what it throws ends the ranking.
  package func rank(with method: some RankingMethod, progress: (Int) throws -> Void = { _ in }) throws -> RankingResult
  {
    var ranks: [Rank] = []
    var shown = [Bool](repeating: false, count: dataset.items.count)
    var time = Duration.zero
    var tokens: Int?
    for start in stride(from: 0, to: users.count, by: method.usersAtOnce) {
      let queries = users[start..<min(start + method.usersAtOnce, users.count)].map(query(of:))
      let begin = ContinuousClock.now
      let scores = try method.scores(of: queries)
      time += begin.duration(to: .now)
      if let counts = try method.promptTokens(of: queries) { tokens = counts.reduce(tokens ?? 0, +) }
      for (query, scores) in zip(queries, scores) {
        try check(scores, of: query, method.name)
        ranks.append(Rank(of: scores[0], among: scores.dropFirst()))
        for item in Self.first(RankingResult.coverageDepth, of: query.candidates, by: scores) { shown[item] = true }
      }
      try progress(ranks.count)
    }
    let coverage = Double(shown.count(where: \.self)) / Double(shown.count)
    return RankingResult(
      method: method.name, ranks: ranks, coverage: coverage, scoringTime: time,
      tokensPerUser: tokens.map { Double($0) / Double(ranks.count) })
  }

  private func check(_ scores: [Float], of query: RankingQuery, _ method: String) throws(EvaluationError) {
    guard scores.count == query.candidates.count else {
      throw EvaluationError(
        .malformed, "\(method) gave \(scores.count) scores for \(query.candidates.count) candidates")
    }
    if let index = scores.firstIndex(where: \.isNaN) {
      throw EvaluationError(
        .malformed,
        "\(method) scored item \(dataset.items[query.candidates[index]].id) for user \(dataset.users[query.user].id) as "
          + "NaN; check its weights and features")
    }
  }

  /// The `count` items of the highest scores; of equal ones the first item in the catalog.
  private static func first(_ count: Int, of items: [Int], by scores: [Float]) -> [Int] {
    var best: [(item: Int, score: Float)] = []
    for (item, score) in zip(items, scores) {
      if best.count == count, let last = best.last, (last.score, item) > (score, last.item) { continue }
      let place = best.firstIndex { (score, $0.item) > ($0.score, item) } ?? best.count
      best.insert((item, score), at: place)
      if best.count > count { best.removeLast() }
    }
    return best.map(\.item)
  }
}
