// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRPCCore
import GRPCTransport
import Logging
import ServiceLifecycleTestKit
import SwiftProtobuf
import TestSupport
import Testing

@testable import Traces

@Suite("Spans go to a collector beside everything else", .timeLimit(.minutes(15))) struct SpanExporterTests {
  private static let quick: SpanExporter<CGrpcClientTransport>.Times = {
    var times = SpanExporter<CGrpcClientTransport>.Times()
    times.interval = .milliseconds(20)
    times.backoff = .milliseconds(10)
    return times
  }()

  /// Runs an exporter of a queue until `body` has ended, and to its own end.
  private func exporting(
    _ queue: SpanQueue, to collector: SmallCollector, times: SpanExporter<CGrpcClientTransport>.Times = Self.quick,
    of process: TracedProcess = TracedProcess(service: "s", version: "1"), _ body: () async throws -> Void = {}
  ) async throws {
    let server = try CGrpcServerTransport(address: "127.0.0.1:0")
    try await withGRPCServer(transport: server, services: [collector]) { _ in
      let client = GRPCClient(transport: try CGrpcClientTransport(target: "127.0.0.1:\(server.boundPort ?? 0)"))
      let exporter = SpanExporter(
        from: queue, to: client, of: process, times: times,
        logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
      try await testGracefulShutdown { trigger in
        async let end: Void = exporter.run()
        try await body()
        trigger.triggerGracefulShutdown()
        try await end
      }
    }
  }

  private func span(_ name: String = "part") -> TraceSpan {
    TraceSpan(TraceContext(beginningWithin: 1), .part, name, 1..<2)
  }

  @Test func `A span is told whole, as OpenTelemetry reads it`() async throws {
    let parent = "00f067aa0ba902b7"
    let context = try #require(TraceContext(continuing: "00-4bf92f3577b34da6a3ce929d0e0e4736-\(parent)-01"))
    let long = String(repeating: "x", count: 5000)
    let span = TraceSpan(
      context, .server, "a/b", 1_700_000_000_000_000_000..<1_700_000_000_000_000_007,
      [("text", .text(long)), ("number", .number(-7))], failure: "why")
    let (collector, queue) = (SmallCollector(), SpanQueue())
    let process = TracedProcess(
      service: "illmrec-llm", version: "1.2", attributes: "deployment.environment=a%20b, broken, service.version=9")
    // Added and ended at once: what is left at the end is sent too.
    queue.add(span)
    queue.add(TraceSpan(context.child(), .client, "c", 3..<4))
    try await exporting(queue, to: collector, of: process)
    let told = try #require(collector.spans.first)
    #expect(
      told.traceID
        == Data([0x4b, 0xf9, 0x2f, 0x35, 0x77, 0xb3, 0x4d, 0xa6, 0xa3, 0xce, 0x92, 0x9d, 0x0e, 0x0e, 0x47, 0x36]))
    #expect(told.parentSpanID == Data([0x00, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7]))
    #expect(told.spanID.count == 8 && told.flags == 0x301 && told.kind == .server && told.name == "a/b")
    #expect(told.endTimeUnixNano - told.startTimeUnixNano == 7)
    #expect(told.attributes.map(\.key) == ["text", "number"])
    #expect(told.attributes[0].value.stringValue.count == 1024 && told.attributes[1].value.intValue == -7)
    #expect(told.status.code == .error && told.status.message == "why")
    let child = try #require(collector.spans.last)
    #expect(child.parentSpanID == told.spanID && child.traceID == told.traceID && child.flags == 0x101)
    #expect(child.kind == .client && child.status.code == .unset)
    let resource = try #require(collector.requests.values.first?.resourceSpans.first?.resource.attributes)
    let facts = Dictionary(uniqueKeysWithValues: resource.map { ($0.key, $0.value.stringValue) })
    #expect(facts["service.name"] == "illmrec-llm" && facts["deployment.environment"] == "a b")
    #expect(facts["service.version"] == "9" && facts["service.instance.id"]?.isEmpty == false)
  }

  @Test func `Many spans go in batches, none twice and none missing`() async throws {
    let (collector, queue) = (SmallCollector(), SpanQueue(capacity: 5000, batchSize: 100))
    let names = (0..<1234).map { "span \($0)" }
    try await exporting(queue, to: collector) {
      for name in names { queue.add(span(name)) }
      try await waitUntil { collector.spans.count == names.count }
    }
    #expect(collector.spans.map(\.name) == names)
    let sizes = collector.requests.values.map { $0.resourceSpans[0].scopeSpans[0].spans.count }
    #expect(sizes.allSatisfy { $0 <= 100 })
  }

  @Test func `A collector that is away for a moment is tried again, and one that refuses is not`() async throws {
    var away = SmallCollector()
    away.before = { if $0 < 2 { throw RPCError(code: .unavailable, message: "away") } }
    let queue = SpanQueue()
    try await exporting(queue, to: away) {
      queue.add(span("late"))
      try await waitUntil { away.spans.count == 1 }
    }
    #expect(away.tries.values.count == 3)
    var refusing = SmallCollector()
    refusing.before = { if $0 == 0 { throw RPCError(code: .invalidArgument, message: "no") } }
    let next = SpanQueue()
    try await exporting(next, to: refusing) {
      next.add(span("refused"))
      try await waitUntil { refusing.tries.values.count == 1 }
      next.add(span("taken"))
      try await waitUntil { refusing.spans.count == 1 }
    }
    #expect(refusing.spans.map(\.name) == ["taken"])
    #expect(refusing.tries.values.count == 2)
  }

  @Test func `A collector that never answers holds nobody up, neither calls nor the end`() async throws {
    var stuck = SmallCollector()
    stuck.before = { _ in
      let left = Signal()
      await withRPCCancellationHandler {
        await left.wait()
      } onCancelRPC: {
        left.send()
      }
      throw CancellationError()
    }
    var times = Self.quick
    times.call = .seconds(600)
    times.flush = .milliseconds(100)
    let queue = SpanQueue(capacity: 1000, batchSize: 10)
    let collector = stuck
    try await exporting(queue, to: collector, times: times) {
      queue.add(span())
      try await waitUntil { collector.tries.values.count == 1 }
      // More than there is room for.
      for _ in 0..<2000 { queue.add(span()) }
      #expect(collector.tries.values.count == 1)
    }
    #expect(queue.take().isEmpty)
    #expect(collector.spans.isEmpty)
  }

  @Test func `A queue keeps the oldest and drops what has no room`() {
    let queue = SpanQueue(capacity: 3, batchSize: 2)
    for name in ["a", "b", "c", "d"] { queue.add(span(name)) }
    #expect(queue.take().map(\.name) == ["a", "b"])
    queue.add(span("e"))
    #expect(queue.take().map(\.name) == ["c", "e"])
    #expect(queue.take().isEmpty)
  }
}
