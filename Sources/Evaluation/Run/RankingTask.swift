// SPDX-License-Identifier: Apache-2.0

package import Datasets

/// What the held-out item is ranked among.
package enum CandidateSet: String, Sendable, CaseIterable {
  /// The user's sampled negatives.
  case negatives
  /// Every item that the user has not met before.
  case catalog
}

/// The held-out items of a dataset, each to be found among its candidates.
package struct RankingTask: Sendable {
  package let dataset: Dataset
  package let part: HeldOutItem
  package let candidates: CandidateSet
  /// The users that have a held-out item and something before it; indices into the dataset's.
  package let users: [Int]

  /// - Parameter users: indices of those to rank for; all of the dataset's by default.
  package init(
    dataset: Dataset, part: HeldOutItem, candidates: CandidateSet, users: [Int]? = nil
  ) throws(EvaluationError) {
    self.dataset = dataset
    self.part = part
    self.candidates = candidates
    self.users = (users ?? Array(dataset.users.indices)).filter { dataset.users[$0].target(part) != nil }
    guard !self.users.isEmpty else {
      throw EvaluationError(
        .empty, "no user has a \(part.rawValue) item and one before it; \(dataset.users.count) users were read")
    }
    guard candidates == .negatives, let user = self.users.first(where: { dataset.users[$0].negatives.isEmpty }) else {
      return
    }
    throw EvaluationError(
      .invalidInput,
      "user \(dataset.users[user].id) has no negatives; sample them with illmrec data prepare, or rank the whole catalog"
    )
  }

  /// The query of a user whose target is its first candidate.
  package func query(of user: Int) -> RankingQuery {
    guard let (history, target) = dataset.users[user].target(part) else {
      preconditionFailure("user \(user) is none of the task's")
    }
    var others: [Int]
    switch candidates {
    case .negatives: others = dataset.users[user].negatives.filter { $0 != target }
    case .catalog:
      var isOpen = [Bool](repeating: true, count: dataset.items.count)
      for item in history { isOpen[item] = false }
      isOpen[target] = false
      others = isOpen.indices.filter { isOpen[$0] }
    }
    others.insert(target, at: 0)
    return RankingQuery(user: user, history: Array(history), candidates: others)
  }
}
