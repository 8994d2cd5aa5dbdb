// SPDX-License-Identifier: Apache-2.0

import Datasets

/// The ranks of a task's users, gathered in any order as their scores come in.
package struct RankTally: Sendable {
  private let task: RankingTask
  private let method: String
  private var ranks: [Rank?]
  private var shown: [Bool]
  /// Nil when they are not kept: over a whole catalog they take much memory.
  private var scores: [[Float]]?
  /// Targets that the method did not name.
  package private(set) var unnamed = 0

  /// - Parameters:
  ///   - method: its name, for errors and the result.
  ///   - keepsScores: whether the result has them.
  package init(_ task: RankingTask, method: String, keepsScores: Bool = false) {
    self.task = task
    self.method = method
    ranks = [Rank?](repeating: nil, count: task.users.count)
    shown = [Bool](repeating: false, count: task.dataset.items.count)
    scores = keepsScores ? [[Float]](repeating: [], count: task.users.count) : nil
  }

  /// Ranks a user's target.
  ///
  /// - Parameters:
  ///   - scores: one for each of the query's candidates, as ``RankingMethod/scores(of:)`` gives them.
  ///   - place: of the user among the task's.
  package mutating func add(_ scores: [Float], of query: RankingQuery, at place: Int) throws(EvaluationError) {
    try check(scores, of: query)
    self.scores?[place] = scores
    let isNamed = scores[0] > -.infinity
    if !isNamed { unnamed += 1 }
    ranks[place] = isNamed ? Rank(of: scores[0], among: scores.dropFirst()) : Rank(better: scores.count - 1)
    for item in Self.first(RankingResult.coverageDepth, of: query.candidates, by: scores) { shown[item] = true }
  }

  /// - Parameters:
  ///   - scoringTime: what the method took for all users.
  ///   - tokens: of all prompts; nil for a method without.
  package func result(scoringTime: Duration, tokens: Int?) -> RankingResult {
    let known = ranks.compactMap(\.self)
    precondition(known.count == ranks.count, "every user has been ranked for")
    return RankingResult(
      method: method, ranks: known, scores: scores, coverage: Double(shown.count(where: \.self)) / Double(shown.count),
      scoringTime: scoringTime, tokensPerUser: tokens.map { Double($0) / Double(known.count) })
  }

  private func check(_ scores: [Float], of query: RankingQuery) throws(EvaluationError) {
    guard scores.count == query.candidates.count else {
      throw EvaluationError(
        .malformed, "\(method) gave \(scores.count) scores for \(query.candidates.count) candidates")
    }
    if let index = scores.firstIndex(where: \.isNaN) {
      throw EvaluationError(
        .malformed,
        "\(method) scored item \(task.dataset.items[query.candidates[index]].id) for user "
          + "\(task.dataset.users[query.user].id) as NaN; check its weights and features")
    }
  }

  /// The `count` items of the highest scores, of those that were named; of equal ones the first item in the catalog.
  private static func first(_ count: Int, of items: [Int], by scores: [Float]) -> [Int] {
    var best: [(item: Int, score: Float)] = []
    for (item, score) in zip(items, scores) where score > -.infinity {
      if best.count == count, let last = best.last, (last.score, item) > (score, last.item) { continue }
      let place = best.firstIndex { (score, $0.item) > ($0.score, item) } ?? best.count
      best.insert((item, score), at: place)
      if best.count > count { best.removeLast() }
    }
    return best.map(\.item)
  }
}
