// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import ServiceAPI
import ServiceSupport
import SwiftProtobuf

/// One user on the way from history to recommendations.
struct UserProgress: Sendable {
  typealias Interaction = Recommender_Interaction

  let history: Recommender_UserHistory
  /// Path in the request, e.g. `users[2]`.
  let field: String
  /// Of the interactions that are read: the newest.
  let read: Range<Int>
  /// Set once the user has failed; later stages leave it out.
  private(set) var failure: ServiceFailure?
  /// What the LLM service makes of the interactions read.
  var items: [LLM_HistoryItem] = []
  var vector = Common_Tensor()
  var promptTokens: UInt32 = 0
  var cachedTokens: UInt32 = 0
  /// Left out by the LLM service for its token budget.
  var truncatedItems: UInt32 = 0
  var recommended: [Retrieval_ScoredItem] = []
  /// Set when another version answered this user than the request's others.
  var servedBy: Retrieval_ServedBy?

  /// - Parameters:
  ///   - index: in the request.
  ///   - maxHistoryItems: how many interactions the LLM service reads.
  init(
    _ history: Recommender_UserHistory, index: Int, limits: RecommenderLimits, maxHistoryItems: Int
  ) {
    self.history = history
    field = "users[\(index)]"
    let count = history.interactions.count
    read = max(0, count - max(maxHistoryItems, 1))..<count
    failure = Self.fault(of: history, read: read, field: field, limits: limits)
  }

  mutating func fail(_ failure: ServiceFailure) {
    self.failure = self.failure ?? failure
  }

  /// Path of an interaction in the request.
  func field(ofInteraction index: Int) -> String { "\(field).interactions[\(index)]" }

  /// Everything that must not be recommended: the whole history, not just what is read of it, and what the caller adds.
  func excluded(includingHistory: Bool) -> [String] {
    guard !includingHistory else { return history.excludeItemIds }
    var seen = Set(history.excludeItemIds)
    let met = history.interactions.map(\.itemID).filter { !$0.isEmpty && seen.insert($0).inserted }
    return history.excludeItemIds + met
  }

  private static func fault(
    of history: Recommender_UserHistory, read: Range<Int>, field: String, limits: RecommenderLimits
  ) -> ServiceFailure? {
    let interactions = history.interactions
    guard !interactions.isEmpty else {
      return ServiceFailure(
        .historyEmpty, "no interactions; send at least one, oldest first",
        field: "\(field).interactions")
    }
    guard interactions.count <= limits.maxInteractions else {
      return ServiceFailure(
        .historyTooLong,
        "\(interactions.count) interactions, at most \(limits.maxInteractions) may be sent; send the newest, and those that "
          + "must not be recommended in exclude_item_ids",
        field: "\(field).interactions")
    }
    for index in read where !interactions[index].namesAnItem {
      return ServiceFailure(
        .interactionEmpty, "neither item_id nor image is set; set one",
        field: "\(field).interactions[\(index)]")
    }
    return nil
  }

  /// The answer for this user.
  func result(
    metadata: [String: Encoder_ItemMetadata]
  ) -> Recommender_UserRecommendations {
    .with {
      $0.userID = history.userID
      if let failure {
        $0.error = failure.itemError
        return
      }
      $0.promptTokens = promptTokens
      $0.cachedTokens = cachedTokens
      if let servedBy { $0.servedBy = servedBy }
      $0.truncatedItems = UInt32(read.lowerBound) + truncatedItems
      $0.items = recommended.map { item in
        .with {
          $0.itemID = item.itemID
          $0.score = item.score
          if let known = metadata[item.itemID] { $0.metadata = known }
        }
      }
    }
  }
}

extension Recommender_Interaction {
  fileprivate var namesAnItem: Bool {
    switch item {
    case .itemID(let id): !id.isEmpty
    case .image: true
    case nil: false
    }
  }
}
