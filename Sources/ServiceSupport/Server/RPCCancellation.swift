// SPDX-License-Identifier: Apache-2.0

import GRPCCore

/// Runs `body` so that what it awaits is cancelled when the RPC being handled is: grpc-swift does not cancel a handler's task.
package func cancellingWithRPC<Value: Sendable>(
  _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
  let task = Task { try await body() }
  return try await withTaskCancellationHandler {
    try await withRPCCancellationHandler {
      try await task.value
    } onCancelRPC: {
      task.cancel()
    }
  } onCancel: {
    task.cancel()
  }
}
