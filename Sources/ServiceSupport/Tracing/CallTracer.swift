// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import ServiceAPI
package import Traces

/// Decides which calls are recorded as spans, and where the spans go.
package struct CallTracer: Sendable {
  private let queue: SpanQueue
  private let ratio: Double

  /// - Parameter ratio: share of the calls without a caller's trace that are recorded; a trace that goes on is recorded where its
  ///   beginning was.
  package init(to queue: SpanQueue, ratio: Double = 1) {
    self.queue = queue
    self.ratio = ratio
  }

  /// The trace that a call begins whose caller named none. Health checks begin none: they come every second and tell nothing.
  func begin(_ method: MethodDescriptor) -> TraceContext? {
    method.service == .grpc_health_v1_Health ? nil : TraceContext(beginningWithin: ratio)
  }

  /// Nil where the trace is not recorded.
  func recording(_ trace: TraceContext) -> CallRecording? {
    trace.isSampled ? CallRecording(context: trace, queue: queue) : nil
  }
}

/// Records the spans of one call.
struct CallRecording: Sendable {
  /// The call's own span.
  let context: TraceContext
  let queue: SpanQueue
  private let clock = SpanClock()

  init(context: TraceContext, queue: SpanQueue) {
    self.context = context
    self.queue = queue
  }

  func part(
    _ name: String, _ start: ContinuousClock.Instant, _ end: ContinuousClock.Instant, _ attributes: [(String, Int)]
  ) {
    let attributes = attributes.map { (name: $0.0, value: TraceSpan.Value.number($0.1)) }
    queue.add(TraceSpan(context.child(), .part, name, clock.time(start, end), attributes))
  }

  /// - Parameters:
  ///   - kind: server or client.
  ///   - peer: as gRPC names it.
  func call(
    _ context: TraceContext, _ kind: TraceSpan.Kind, _ method: MethodDescriptor, _ start: ContinuousClock.Instant,
    _ error: RPCError?, peer: String, _ attributes: [(name: String, value: TraceSpan.Value)] = []
  ) {
    let isFailure = error.map { kind == .client || $0.code.isServersFault } ?? false
    var all: [(name: String, value: TraceSpan.Value)] = [
      ("rpc.system", .text("grpc")), ("rpc.service", .text(method.service.fullyQualifiedService)),
      ("rpc.method", .text(method.method)), ("rpc.grpc.status_code", .number(error?.code.rawValue ?? 0)),
      (kind == .client ? "server.address" : "client.address", .text(peer)),
    ]
    all += attributes
    queue.add(
      TraceSpan(
        context, kind, method.fullyQualifiedMethod, clock.time(start, .now), all,
        failure: isFailure ? error?.message : nil))
  }
}

extension RPCError.Code {
  /// - Source: OpenTelemetry's semantic conventions for gRPC, status of server spans.
  fileprivate var isServersFault: Bool {
    switch self {
    case .unknown, .deadlineExceeded, .unimplemented, .internalError, .unavailable, .dataLoss: true
    default: false
    }
  }
}
