import GRPCCore
import ModelServing
import Models
import ServiceAPI
import ServiceSupport
import SwiftProtobuf

extension LLM_PrefixCache {
  fileprivate init(_ statistics: PrefixCacheStatistics) {
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

extension LLMServer {
  func getServerInfo(
    request: LLM_GetServerInfoRequest, context: ServerContext
  ) async throws -> LLM_GetServerInfoResponse {
    .with {
      $0.serverVersion = Product.version
      $0.model = identity
      $0.llmDim = UInt32(model.llmDim)
      $0.embeddingDim = UInt32(model.embeddingDim)
      $0.userVectorDim = UInt32(model.userVectorDim)
      $0.spaces = model.spaces.map { .init($0) }
      $0.spaceWeights = model.spaceWeights
      $0.promptTemplate = model.promptTemplate
      $0.limits = publishedLimits
      $0.arithmetic = .with {
        $0.precision = model.arithmetic.precisionName
        $0.path = model.arithmetic.path
      }
      if let statistics = model.prefixCacheStatistics { $0.prefixCache = .init(statistics) }
    }
  }

  private var publishedLimits: LLM_Limits {
    .with {
      $0.maxUsersPerRequest = UInt32(limits.maxUsers)
      $0.maxHistoryItems = UInt32(model.maxHistoryItems)
      $0.maxRequestHistoryItems = UInt32(limits.maxRequestHistoryItems)
      $0.maxPromptTokens = UInt32(model.maxPromptTokens)
      $0.maxMessageBytes = UInt32(limits.maxMessageBytes)
      $0.maxQueueTokens = UInt32(limits.maxQueueTokens)
      $0.maxTextBytes = UInt32(limits.maxTextBytes)
    }
  }
}
