// SPDX-License-Identifier: Apache-2.0

/// Weights of a fusion that rank a task's held-out items best, to be chosen on validation items and used on test items.
///
/// One weight after the other is set to what of ``choices`` gives the best NDCG@5, from equal weights on, until none changes. Equal
/// tasks and methods give equal weights.
package struct FusionFit: Sendable {
  package let weights: [Float]
  /// NDCG@5 by these weights, on what they were chosen by.
  package let value: Double

  static let metric = Metric.ndcg(5)
  private static let choices: [Float] = [0, 0.125, 0.25, 0.5, 0.75, 1, 1.5, 2, 4, 8]
  private static let mostRounds = 10

  /// - Parameters:
  ///   - parts: two or more.
  ///   - progress: told how many users' scores are known; what it throws ends the fit.
  /// - Complexity: memory for a score of each part, user and candidate.
  package init(
    _ parts: [any RankingMethod], on task: RankingTask, progress: (Int) throws -> Void = { _ in }
  ) throws {
    precondition(parts.count > 1)
    var scores = [[[Float]]](repeating: [], count: parts.count)
    let usersAtOnce = parts.map(\.usersAtOnce).min() ?? 1
    for start in stride(from: 0, to: task.users.count, by: usersAtOnce) {
      let users = task.users[start..<min(start + usersAtOnce, task.users.count)]
      let queries = users.map(task.query(of:))
      for (part, method) in parts.enumerated() {
        scores[part] += try method.scores(of: queries).map(FusedMethod.standardised)
      }
      try progress(users.endIndex)
    }
    (weights, value) = Self.best(scores)
  }

  private static func best(_ scores: [[[Float]]]) -> ([Float], Double) {
    var weights = [Float](repeating: 1, count: scores.count)
    var best = value(of: weights, scores)
    for _ in 0..<mostRounds {
      let before = weights
      for part in weights.indices {
        for choice in choices where choice != weights[part] {
          var tried = weights
          tried[part] = choice
          guard tried.contains(where: { $0 > 0 }) else { continue }
          let value = value(of: tried, scores)
          if value > best { (weights, best) = (tried, value) }
        }
      }
      if weights == before { break }
    }
    return (weights, best)
  }

  /// The mean over users whose first candidate is the target.
  private static func value(of weights: [Float], _ scores: [[[Float]]]) -> Double {
    metric.mean(over: FusedMethod.fused(scores, weights).map { Rank(of: $0[0], among: $0.dropFirst()) })
  }
}
