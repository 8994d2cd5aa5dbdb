// SPDX-License-Identifier: Apache-2.0

import Basics
import Foundation
import ServiceAPI
import ServiceSupport

/// One user on the way from history to recommendations.
struct UserProgress: Sendable {
  let history: Recommender_UserHistory
  /// In the request.
  let place: Int
  /// Path in the request, e.g. `users[2]`.
  let field: String
  /// Of the interactions that are read: the newest.
  let read: Range<Int>
  /// Set once the user has failed; later stages leave it out.
  private(set) var failure: ServiceFailure?
  /// What stopped all users that were on the way with this one, as it came.
  private(set) var stopping: ServiceFailure?
  /// Whether a release was under way with this user while there was time.
  var isBegun = false
  /// Whether the retrieval service was asked for this user: what fails there, it counts itself.
  var isSearched = false
  /// Whether it answered: what fails afterwards it cannot know.
  var isAnswered = false
  /// By which the retrieval service chooses the version; empty where it takes the request's.
  var routingKey = ""
  /// What the LLM service makes of the interactions read.
  var items: [LLM_HistoryItem] = []
  var vector = Common_Tensor()
  var promptTokens: UInt32 = 0
  var cachedTokens: UInt32 = 0
  /// Left out by the LLM service for its token budget.
  var truncatedItems: UInt32 = 0
  var recommended: [Retrieval_ScoredItem] = []
  /// Names the answer to those who report outcomes.
  var outcomeToken = Data()
  /// The version that answered, or was to answer and failed.
  var servedBy: Retrieval_ServedBy?
  /// Name of the version that was to answer and failed, where the stable one is asked or has answered instead.
  var fellBackFrom = ""

  /// - Parameters:
  ///   - place: in the request.
  ///   - maxHistoryItems: how many interactions the LLM service reads.
  init(_ history: Recommender_UserHistory, place: Int, maxHistoryItems: Int) {
    let count = history.interactions.count
    self.init(history, place: place, read: max(0, count - max(maxHistoryItems, 1))..<count)
  }

  /// - Parameter read: which of the interactions are read.
  init(_ history: Recommender_UserHistory, place: Int, read: Range<Int>) {
    self.history = history
    self.place = place
    self.read = read
    field = "users[\(place)]"
  }

  mutating func fail(_ failure: ServiceFailure) {
    self.failure = self.failure ?? failure
  }

  /// Fails with all users that are on the way with this one.
  mutating func stop(_ failure: ServiceFailure) {
    stopping = failure
    fail(failure.of(field))
  }

  /// Whether there is a vector to search with.
  var isEncoded: Bool { !vector.data.isEmpty }

  /// Path of an interaction in the request.
  func field(ofInteraction index: Int) -> String { "\(field).interactions[\(index)]" }

  /// Everything that must not be recommended: the whole history, not just what is read of it, and what the caller adds.
  func excluded(includingHistory: Bool) -> [String] {
    guard !includingHistory else { return history.excludeItemIds }
    var seen = Set(history.excludeItemIds.map(Identifier.init(_:)))
    let met = history.interactions.map(\.itemID).filter { !$0.isEmpty && seen.insert(Identifier($0)).inserted }
    return history.excludeItemIds + met
  }
}
