// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import ModelServing
import Models
import ServiceAPI
import ServiceSupport
import SwiftProtobuf

extension LLMServer {
  func getServerInfo(
    request: LLM_GetServerInfoRequest, context: ServerContext
  ) async throws -> LLM_GetServerInfoResponse {
    let training = try trainings.lease(request.spaceFingerprint, field: "space_fingerprint")
    let model = training.model
    return .with {
      $0.serverVersion = Product.version
      $0.model = training.identity
      $0.llmDim = UInt32(model.llmDim)
      $0.embeddingDim = UInt32(model.embeddingDim)
      $0.userVectorDim = UInt32(model.userVectorDim)
      $0.spaces = model.spaces.map { .init($0) }
      $0.spaceWeights = model.spaceWeights
      $0.promptTemplate = model.promptTemplate
      $0.limits = .init(limits, of: model)
      $0.arithmetic = .with {
        $0.precision = model.arithmetic.precisionName
        $0.path = model.arithmetic.path
      }
      if let statistics = model.prefixCacheStatistics { $0.prefixCache = .init(statistics) }
    }
  }
}
