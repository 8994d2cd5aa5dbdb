// SPDX-License-Identifier: Apache-2.0

import Datasets
package import Evaluation
import Models

/// Ranks users' validation items with the weights that a run has at the moment.
package struct RecommenderValidation: Sendable {
  private let task: RankingTask
  private let items: TrainingItems
  private let builder: SampleBuilder
  private let users: [Int]

  private static let usersAtOnce = 64

  /// - Parameter task: of the validation items. Users whose history has no image are left out.
  package init(task: RankingTask, items: TrainingItems, builder: SampleBuilder) throws(TrainingError) {
    self.task = task
    self.items = items
    self.builder = builder
    users = task.users.filter { !items.shown(task.query(of: $0).history).isEmpty }
    guard !users.isEmpty else {
      throw TrainingError(.empty, "no user has a validation item and an image before it; train with --no-validation")
    }
  }

  package var userCount: Int { users.count }

  /// - Parameter isStopped: asked between batches of users; when it says yes, the result is nil.
  /// - Returns: with it, of how many users the prompt tells of no item.
  func result(
    _ model: TrainableRecommender, step: Int, isStopped: () -> Bool
  ) throws -> (result: ValidationResult, untold: Int)? {
    var untold = 0
    let itemVectors = try model.itemVectors(of: items)
    var ranks: [Rank] = []
    for start in stride(from: 0, to: users.count, by: Self.usersAtOnce) {
      guard !isStopped() else { return nil }
      let queries = users[start..<min(start + Self.usersAtOnce, users.count)].map(task.query(of:))
      let prompts = try queries.map { try builder.recommendation(items.shown($0.history)) }
      untold += prompts.count(where: \.tellsOfNone)
      let vectors = try model.userVectors(of: prompts)
      for (row, query) in queries.enumerated() {
        let scores = query.candidates.map { item in
          vectors.reduce(Float(0)) { $0 + Self.product($1.value[row], itemVectors[$1.key]?[item] ?? []) }
        }
        ranks.append(Rank(of: scores[0], among: scores.dropFirst()))
      }
    }
    let result = ValidationResult(
      step: step, hit5: Metric.hit(5).mean(over: ranks), ndcg5: Metric.ndcg(5).mean(over: ranks))
    return (result, untold)
  }

  /// 0 for an item that lacks the space's feature.
  private static func product(_ user: [Float], _ item: [Float]) -> Float {
    zip(user, item).reduce(0) { $0 + $1.0 * $1.1 }
  }
}
