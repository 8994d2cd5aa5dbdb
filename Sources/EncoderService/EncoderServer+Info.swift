// SPDX-License-Identifier: Apache-2.0

import CatalogStore
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
    let training = try training(request.spaceFingerprint)
    let model = training.model
    let catalog = try await asServiceFailures { try await store.overview() }
    return .with {
      $0.serverVersion = Product.version
      $0.model = training.identity
      $0.towerFingerprint = store.tower
      $0.embeddingDim = UInt32(model.embeddingDim)
      $0.softTokenDim = UInt32(model.softTokenDim)
      $0.itemVectorDim = UInt32(model.itemVectorDim)
      $0.spaces = model.spaces.map { .init($0) }
      $0.cfFeatureDim = UInt32(model.cfFeatureDim)
      $0.textFeatureDim = UInt32(model.textFeatureDim)
      $0.storedItems = UInt64(catalog.draftItemCount)
      $0.limits = .init(limits)
      $0.arithmetic = .with {
        $0.precision = tower.arithmetic.precisionName
        $0.path = tower.arithmetic.path
      }
      $0.catalog = .with {
        $0.id = store.catalogID
        $0.snapshot = UInt64(catalog.released ?? 0)
      }
      $0.catalogVersion = catalog.release?.version ?? ""
      $0.newestSnapshot = UInt64(catalog.newest ?? 0)
    }
  }
}
