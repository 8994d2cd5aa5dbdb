// SPDX-License-Identifier: Apache-2.0

import Foundation
import SwiftProtobuf

private typealias KeyValue = Opentelemetry_Proto_Common_V1_KeyValue
private typealias Message = Opentelemetry_Proto_Trace_V1_Span

extension Opentelemetry_Proto_Collector_Trace_V1_ExportTraceServiceRequest {
  init(_ spans: [TraceSpan], of process: TracedProcess) {
    self.init()
    resourceSpans = [
      .with {
        $0.resource.attributes = process.described.map { KeyValue($0, .text($1)) }
        $0.scopeSpans = [
          .with {
            $0.scope.name = "illmrec"
            $0.scope.version = process.version
            $0.spans = spans.map { Message($0) }
          }
        ]
      }
    ]
  }
}

extension TracedProcess {
  /// What was configured counts more than what is known of it.
  fileprivate var described: [(String, String)] {
    let own = [
      "service.name": service, "service.version": version, "service.instance.id": instance,
      "telemetry.sdk.name": "illmrec", "telemetry.sdk.language": "swift", "telemetry.sdk.version": version,
    ]
    let all = attributes.merging(own) { configured, _ in configured }.merging(["service.name": service]) { $1 }
    return all.map { ($0.key, $0.value) }.sorted { $0.0 < $1.0 }
  }
}

extension Opentelemetry_Proto_Trace_V1_Span {
  fileprivate init(_ span: TraceSpan) {
    self.init()
    traceID = Data(hexadecimal: span.context.traceID)
    spanID = Data(hexadecimal: span.context.spanID)
    parentSpanID = Data(hexadecimal: span.context.parentID ?? "")
    // W3C's flags, that it is known whether the parent is remote, and whether it is.
    flags = (span.context.isSampled ? 1 : 0) | 0x100 | (span.context.hasRemoteParent ? 0x200 : 0)
    name = span.name
    kind = Message.SpanKind(span.kind)
    startTimeUnixNano = span.time.lowerBound
    endTimeUnixNano = span.time.upperBound
    attributes = span.attributes.map { KeyValue($0.name, $0.value) }
    if let failure = span.failure {
      status.code = .error
      status.message = failure
    }
  }
}

extension Opentelemetry_Proto_Trace_V1_Span.SpanKind {
  fileprivate init(_ kind: TraceSpan.Kind) {
    switch kind {
    case .part: self = .internal
    case .server: self = .server
    case .client: self = .client
    }
  }
}

extension Opentelemetry_Proto_Common_V1_KeyValue {
  fileprivate init(_ name: String, _ value: TraceSpan.Value) {
    self.init()
    key = name
    switch value {
    case .text(let text): self.value.stringValue = text
    case .number(let number): self.value.intValue = Int64(number)
    }
  }
}

extension Data {
  /// - Parameter digits: an even number of them.
  fileprivate init(hexadecimal digits: String) {
    func value(_ digit: UInt8) -> UInt8 { digit < UInt8(ascii: "a") ? digit - UInt8(ascii: "0") : digit - 0x57 }
    let digits = Array(digits.utf8)
    self.init(stride(from: 0, to: digits.count, by: 2).map { value(digits[$0]) << 4 | value(digits[$0 + 1]) })
  }
}
