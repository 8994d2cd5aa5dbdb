// SPDX-License-Identifier: Apache-2.0

package import GRPCCore
package import Logging
import ServiceAPI
import Traces

/// Logs and measures every RPC, and makes sure that an error without a code of its own tells the client nothing but where
/// to look for it.
///
/// One line per RPC: debug when it went well or the client ended it, info when the client was at fault, error when the
/// server was; and one with what its time went to when it was slow. What is measured: ``RPCMetrics``.
package struct RPCObserver: ServerInterceptor {
  fileprivate let logger: Logger
  fileprivate let slowCalls: SlowCallLog?
  fileprivate let tracer: CallTracer?
  fileprivate let metrics = RPCMetrics()

  package init(logger: Logger, slowCalls: SlowCallLog? = nil, tracer: CallTracer? = nil) {
    self.logger = logger
    self.slowCalls = slowCalls
    self.tracer = tracer
  }

  package func intercept<Input: Sendable, Output: Sendable>(
    request: StreamingServerRequest<Input>, context: ServerContext,
    next: @Sendable (StreamingServerRequest<Input>, ServerContext) async throws -> StreamingServerResponse<Output>
  ) async throws -> StreamingServerResponse<Output> {
    let call = Call(request, context, by: self)
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
  let observer: RPCObserver
  let start = ContinuousClock.Instant.now

  init<Input>(_ request: StreamingServerRequest<Input>, _ context: ServerContext, by observer: RPCObserver) {
    identity = RequestIdentity(
      of: request.metadata, context.descriptor, tracer: observer.tracer,
      keepsStages: observer.slowCalls != nil && context.descriptor.type == .unary)
    self.context = context
    self.observer = observer
    observer.metrics.began(context.descriptor)
  }

  private var logger: Logger { observer.logger }

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
    observer.metrics.ended(context.descriptor, error, after: duration)
    if let caller = identity.caller {
      observer.metrics.ended(by: caller.label, error)
    } else if error?.code == .unauthenticated {
      observer.metrics.ended(by: Caller.invalidLabel, error)
    }
    record(error)
    let code = error?.code.name ?? "OK"
    var metadata = metadata
    metadata["code"] = "\(code)"
    metadata["duration"] = "\(duration.milliseconds) ms"
    if let error { metadata["message"] = "\(error.message)" }
    logger.log(level: level(of: error?.code), "rpc", metadata: metadata)
    logIfSlow(duration, metadata)
  }

  private func record(_ error: RPCError?) {
    guard let recording = identity.stages?.recording else { return }
    var more: [(name: String, value: TraceSpan.Value)] = [("illmrec.request_id", .text(identity.value))]
    if let reason = error?.refusalReason { more.append(("error.type", .text(reason))) }
    recording.call(
      recording.context, .server, context.descriptor, start, error, peer: context.remotePeer, more)
  }

  /// A stream takes as long as there is something to send.
  private func logIfSlow(_ duration: Duration, _ metadata: Logger.Metadata) {
    guard context.descriptor.type == .unary, let leftOut = observer.slowCalls?.takeLine(for: duration) else { return }
    var metadata = metadata
    metadata["stages"] = "\(identity.stages?.summary ?? "")"
    if let count = identity.stages?.leftOut, count > 0 { metadata["stages_left_out"] = "\(count)" }
    if leftOut > 0 { metadata["lines_left_out"] = "\(leftOut)" }
    logger.notice("slow request", metadata: metadata)
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
    if let caller = identity.caller { metadata["identity"] = "\(caller.name)" }
    if let refusal = identity.refusal { metadata["refusal"] = "\(refusal)" }
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
