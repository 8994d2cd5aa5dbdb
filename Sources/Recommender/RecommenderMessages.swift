// SPDX-License-Identifier: Apache-2.0

import Basics
import ServiceAPI
import ServiceSupport
import SwiftProtobuf

// What the contract's messages say, in the gateway's terms and back.

extension Recommender_UserRecommendations {
  /// - Parameters:
  ///   - metadata: of the items that are known.
  ///   - common: the version that answered the request's first users.
  init(_ user: UserProgress, metadata: [Identifier: Encoder_ItemMetadata], common: Retrieval_ServedBy?) {
    self.init()
    userID = user.history.userID
    if let failure = user.failure {
      error = failure.refusedElement()
      return
    }
    promptTokens = user.promptTokens
    cachedTokens = user.cachedTokens
    if let servedBy = user.servedBy, servedBy.version != common?.version { self.servedBy = servedBy }
    fellBackFrom = user.fellBackFrom
    truncatedItems = UInt32(user.read.lowerBound) + user.truncatedItems
    outcomeToken = user.outcomeToken
    items = user.recommended.map { item in
      .with {
        $0.itemID = item.itemID
        $0.score = item.score
        if let known = metadata[Identifier(item.itemID)] { $0.metadata = known }
      }
    }
  }
}

extension Retrieval_Query {
  /// The search for one user of a request.
  init(for user: UserProgress, of request: Recommender_RecommendRequest) {
    self.init()
    queryID = user.history.userID
    routingKey = user.routingKey
    fellBackFrom = user.fellBackFrom
    vector = user.vector
    k = request.k == 0 ? RecommenderReader.defaultK : request.k
    excludeItemIds = user.excluded(includingHistory: request.includeHistory)
    includeItemIds = user.history.includeItemIds
    includeCategories = request.includeCategories
    excludeCategories = request.excludeCategories
  }
}

extension Recommender_Limits {
  init(_ limits: RecommenderLimits) {
    self.init()
    maxUsersPerRequest = UInt32(limits.maxUsers)
    maxInteractionsPerUser = UInt32(limits.maxInteractions)
    maxK = UInt32(limits.maxK)
    maxMessageBytes = UInt32(limits.maxMessageBytes)
  }
}
