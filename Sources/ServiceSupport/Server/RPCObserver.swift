// SPDX-License-Identifier: Apache-2.0

package import GRPCCore
package import Logging
import ServiceAPI

/// Logs and measures every RPC, and makes sure that an error without a code of its own tells the client nothing but where
/// to look for it.
///
/// One line per RPC: debug when it went well or the client ended it, info when the client was at fault, error when the
/// server was. What is measured: ``RPCMetrics``.
package struct RPCObserver: ServerInterceptor {
  private let logger: Logger
  private let metrics = RPCMetrics()

  package init(logger: Logger) {
    self.logger = logger
  }

  package func intercept<Input: Sendable, Output: Sendable>(
    request: StreamingServerRequest<Input>, context: ServerContext,
    next: @Sendable (StreamingServerRequest<Input>, ServerContext) async throws -> StreamingServerResponse<Output>
  ) async throws -> StreamingServerResponse<Output> {
    let call = Call(request: request, context: context, logger: logger, metrics: metrics)
    let response = await call.respond { try await next(call.identifying(request), context) }
    switch response.accepted {
    case .failure(let error):
      call.ended(error)
      return response
    case .success(var contents):
      let producer = contents.producer
      contents.producer = { writer in
        do {
          let trailers = try await RequestIdentity.$current.withValue(call.identity) { try await producer(writer) }
          call.ended(nil)
          return trailers
        } catch {
          let error = call.rpcError(error)
          call.ended(error)
          throw error
        }
      }
      return StreamingServerResponse(accepted: .success(contents))
    }
  }
}

/// One RPC, from its arrival to its end.
private struct Call: Sendable {
  let identity: RequestIdentity
  let context: ServerContext
  let logger: Logger
  let metrics: RPCMetrics
  let start = ContinuousClock.Instant.now

  init<Input>(
    request: StreamingServerRequest<Input>, context: ServerContext, logger: Logger, metrics: RPCMetrics
  ) {
    identity = RequestIdentity(of: request.metadata)
    self.context = context
    self.logger = logger
    self.metrics = metrics
    metrics.began(context.descriptor)
  }

  /// The request, with its id read from its messages as they pass.
  func identifying<Input>(_ request: StreamingServerRequest<Input>) -> StreamingServerRequest<Input> {
    guard Input.self is any RequestIdentified.Type else { return request }
    let messages = request.messages.map { [identity] message in
      if let message = message as? any RequestIdentified { identity.adopt(message.requestID) }
      return message
    }
    return StreamingServerRequest(metadata: request.metadata, messages: RPCAsyncSequence(wrapping: messages))
  }

  func respond<Output>(
    _ handle: () async throws -> StreamingServerResponse<Output>
  ) async -> StreamingServerResponse<Output> {
    do {
      return try await RequestIdentity.$current.withValue(identity) { try await handle() }
    } catch {
      return StreamingServerResponse(error: rpcError(error))
    }
  }

  func rpcError(_ error: any Error) -> RPCError {
    switch error {
    case let error as RPCError: return error
    case let error as any RPCErrorConvertible: return RPCError(error)
    case is CancellationError: return RPCError(code: .cancelled, message: "the request was cancelled")
    default:
      logger.error("request failed", metadata: metadata.merging(["error": "\(error)"]) { $1 })
      return RPCError(
        ServiceFailure(
          .internalFailure,
          "an error that is the server's; its log says more under request_id \(identity.value)"))
    }
  }

  func ended(_ error: RPCError?) {
    let duration = start.duration(to: .now)
    metrics.ended(context.descriptor, error, after: duration)
    let code = error?.code.name ?? "OK"
    var metadata = metadata
    metadata["code"] = "\(code)"
    metadata["duration"] = "\(duration.milliseconds) ms"
    if let error { metadata["message"] = "\(error.message)" }
    logger.log(level: level(of: error?.code), "rpc", metadata: metadata)
  }

  private var metadata: Logger.Metadata {
    var metadata: Logger.Metadata = [
      "method": "\(context.descriptor.fullyQualifiedMethod)", "request_id": "\(identity.value)",
      "peer": "\(context.remotePeer)",
    ]
    if let trace = identity.trace {
      metadata["trace_id"] = "\(trace.traceID)"
      metadata["span_id"] = "\(trace.spanID)"
    }
    return metadata
  }

  private func level(of code: RPCError.Code?) -> Logger.Level {
    switch code {
    case nil, .cancelled: context.descriptor.service == .grpc_health_v1_Health ? .trace : .debug
    case .internalError, .unknown, .dataLoss: .error
    default: .info
    }
  }
}

extension Duration {
  /// With one digit after the point.
  var milliseconds: Double {
    (self / .milliseconds(1) * 10).rounded() / 10
  }
}
