import GRPCCore
import ServiceSupport

/// What all RPCs made for one request share: its id, and the moment by which it must be answered.
struct RequestScope: Sendable {
  let requestID: String
  let deadline: ContinuousClock.Instant?

  /// Sent with every RPC: the id for the logs of messages that have no field for it.
  var metadata: Metadata {
    [RequestIdentity.metadataKey: .string(requestID)]
  }

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

  /// Runs `body` so that its RPCs are cancelled when the one being handled is: grpc-swift does not cancel a handler's task.
  static func cancellingWithRPC<Value: Sendable>(
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
}
