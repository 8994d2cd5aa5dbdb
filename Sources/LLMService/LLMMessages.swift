// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import ModelServing
import Models
import ServiceAPI
import ServiceSupport
import SwiftProtobuf

// What the contract's messages say, in the service's terms and back.

extension LLM_StreamEncodeUsersRequest: BulkRequest {
  var content: BulkContent<Config, LLM_UserPrompt>? {
    switch message {
    case .config(let config): .config(config)
    case .user(let user): .element(user)
    case nil: nil
    }
  }

  static var elementMissing: ServiceFailure {
    ServiceFailure(.userMissing, "every message after the first must hold a user", field: "user")
  }
}

extension LLM_UserResult {
  init(userID: String, _ outcome: Result<EncodedUser, any Error>) {
    self.init()
    self.userID = userID
    switch outcome {
    case .failure(let error):
      self.error = ServiceFailure(ofUser: error).refusedElement()
    case .success(let user):
      promptTokens = UInt32(user.promptTokens)
      cachedTokens = UInt32(user.cachedTokens)
      truncatedItems = UInt32(user.truncatedItems)
      if let vector = user.userVector { userVector = .init(vector) }
      if let vector = user.hiddenState { hiddenState = .init(vector) }
      spaceVectors = user.spaceVectors.map { space, vector in
        .with {
          $0.space = .init(space)
          $0.vector = .init(vector)
        }
      }
    }
  }
}

extension LLM_PrefixCache {
  init(_ statistics: PrefixCacheStatistics) {
    self.init()
    maxBytes = UInt64(statistics.byteBudget)
    usedBytes = UInt64(statistics.usedBytes)
    blockTokens = UInt32(statistics.positionsPerBlock)
    blocks = UInt64(statistics.blocks)
    promptTokens = UInt64(statistics.promptTokens)
    cachedTokens = UInt64(statistics.cachedTokens)
    evictedBlocks = UInt64(statistics.evictedBlocks)
  }
}

extension LLM_Limits {
  init(_ limits: LLMLimits, of model: any LLMModel) {
    self.init()
    maxUsersPerRequest = UInt32(limits.maxUsers)
    maxHistoryItems = UInt32(model.maxHistoryItems)
    maxRequestHistoryItems = UInt32(limits.maxRequestHistoryItems)
    maxPromptTokens = UInt32(model.maxPromptTokens)
    maxMessageBytes = UInt32(limits.maxMessageBytes)
    maxQueueTokens = UInt32(limits.maxQueueTokens)
    maxTextBytes = UInt32(limits.maxTextBytes)
  }
}
