// SPDX-License-Identifier: Apache-2.0

package import Basics
import GRPCCore

extension OneShot {
  /// As ``value()``, and cancelled with the RPC being handled too: grpc-swift does not cancel a handler's task.
  package func valueCancelledWithRPC() async throws -> Value {
    try await withRPCCancellationHandler {
      try await value()
    } onCancelRPC: {
      self.resolve(.failure(CancellationError()))
    }
  }
}
