// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import Synchronization
import TestSupport

/// Keeps the metadata of every RPC by method name.
struct MetadataRecorder: ServerInterceptor {
  let recorder = Recorder<(method: String, metadata: Metadata)>()

  func intercept<Input: Sendable, Output: Sendable>(
    request: StreamingServerRequest<Input>, context: ServerContext,
    next: @Sendable (StreamingServerRequest<Input>, ServerContext) async throws -> StreamingServerResponse<Output>
  ) async throws -> StreamingServerResponse<Output> {
    recorder.note((context.descriptor.method, request.metadata))
    return try await next(request, context)
  }

  /// Of the RPCs of `method`.
  func metadata(of method: String) -> [Metadata] {
    recorder.values.filter { $0.method == method }.map(\.metadata)
  }
}
