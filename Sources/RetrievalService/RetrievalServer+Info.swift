// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import VectorIndex

extension RetrievalServer {
  func getServerInfo(
    request: Retrieval_GetServerInfoRequest, context: ServerContext
  ) async throws -> Retrieval_GetServerInfoResponse {
    .with {
      $0.serverVersion = Product.version
      $0.indexes = store.indexNames.compactMap { try? store.resolve(index: $0) }.map { Retrieval_ServedBy($0) }
      $0.limits = Retrieval_Limits(limits)
    }
  }
}
