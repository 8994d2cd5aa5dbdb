// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import ModelServing
import Models
import ServiceAPI
import ServiceSupport
import SwiftProtobuf

extension EncoderServer {
  func getServerInfo(
    request: Encoder_GetServerInfoRequest, context: ServerContext
  ) async throws -> Encoder_GetServerInfoResponse {
    let items = try await asServiceFailures { try await store.itemCount() }
    return .with {
      $0.serverVersion = Product.version
      $0.model = identity
      $0.towerFingerprint = store.tower
      $0.embeddingDim = UInt32(model.embeddingDim)
      $0.softTokenDim = UInt32(model.softTokenDim)
      $0.itemVectorDim = UInt32(model.itemVectorDim)
      $0.spaces = model.spaces.map { .init($0) }
      $0.cfFeatureDim = UInt32(model.cfFeatureDim)
      $0.textFeatureDim = UInt32(model.textFeatureDim)
      $0.storedItems = UInt64(items)
      $0.limits = .init(limits)
      $0.arithmetic = .with {
        $0.precision = model.arithmetic.precisionName
        $0.path = model.arithmetic.path
      }
    }
  }
}
