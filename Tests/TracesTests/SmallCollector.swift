// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import SwiftProtobuf
import TestSupport

@testable import Traces

/// A collector of OpenTelemetry that keeps what it is sent.
struct SmallCollector: Opentelemetry_Proto_Collector_Trace_V1_TraceService.SimpleServiceProtocol {
  typealias Request = Opentelemetry_Proto_Collector_Trace_V1_ExportTraceServiceRequest
  typealias Response = Opentelemetry_Proto_Collector_Trace_V1_ExportTraceServiceResponse

  /// Waits or throws before anything is taken; told how many requests came before.
  var before: @Sendable (Int) async throws -> Void = { _ in }
  var answer = Response()
  let tries = Recorder<Int>()
  let requests = Recorder<Request>()

  func export(request: Request, context: ServerContext) async throws -> Response {
    let count = tries.values.count
    tries.note(count)
    try await before(count)
    requests.note(request)
    return answer
  }

  var spans: [Opentelemetry_Proto_Trace_V1_Span] {
    requests.values.flatMap(\.resourceSpans).flatMap(\.scopeSpans).flatMap(\.spans)
  }
}
