// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import ServiceSupport

/// What all RPCs made for one request share: its id, and the moment by which it must be answered.
struct RequestScope: Sendable {
  /// As the caller gave it, whatever its length and script; made up where there is none.
  let requestID: String
  let deadline: ContinuousClock.Instant?

  /// Sent with every RPC: the id for the logs of messages that have no field for it.
  var metadata: Metadata { RequestIdentity.metadata(for: requestID) }

  /// Makes an RPC with what is left of the request's time.
  ///
  /// - Throws: ServiceFailure that names the stage; CancellationError once nobody waits for the answer.
  func call<Response: Sendable>(
    _ stage: Stage, _ rpc: (Metadata, CallOptions) async throws -> Response
  ) async throws -> Response {
    try Task.checkCancellation()
    var options = CallOptions.defaults
    if let deadline {
      let remaining = ContinuousClock.now.duration(to: deadline)
      guard remaining > .zero else {
        throw stage.failure(RPCError(code: .deadlineExceeded, message: "no time was left"))
      }
      options.timeout = remaining
    }
    do {
      return try await rpc(metadata, options)
    } catch let error as RPCError {
      if Task.isCancelled { throw CancellationError() }
      throw stage.failure(error)
    }
  }
}
