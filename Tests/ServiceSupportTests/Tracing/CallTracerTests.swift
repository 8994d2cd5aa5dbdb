// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import Logging
import PrometheusMetrics
import ServiceAPI
import ServiceTestSupport
import SwiftProtobuf
import Testing
import Traces

@testable import ServiceSupport

@Suite("A call and its stages are spans of one trace", .timeLimit(.minutes(15))) struct CallTracerTests {
  private typealias Client = LLM_LLMService.Client
  private static let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
  private static let parent = "00f067aa0ba902b7"

  private let queue = SpanQueue()
  private var spans: [TraceSpan] { queue.take() }

  private func traceparent(_ flags: String) -> Metadata { ["traceparent": "00-\(Self.trace)-\(Self.parent)-\(flags)"] }

  private func value(_ name: String, of span: TraceSpan) -> TraceSpan.Value? {
    span.attributes.first { $0.name == name }?.value
  }

  @Test func `The stages of a batch are parts of the call that waited for it`() async throws {
    let batcher = try Batcher<Int, Int>(name: "test-compute", maxQueueCost: 10, maxBatchCost: 10) { requests, _ in
      requests.map { .success($0) }
    }
    let service = ScriptedService { _, _ in
      _ = try await CallStages.timing("catalog read") { try await batcher.submit(contentsOf: [(1, 1), (2, 1)]) }
    }
    try await withServicesInProcess([service], tracer: CallTracer(to: queue)) { client in
      let request = LLM_EncodeUsersRequest.with { $0.requestID = "r-1" }
      _ = try await Client(wrapping: client).encodeUsers(request, metadata: traceparent("01"))
    }
    await batcher.shutdown()
    let spans = spans
    #expect(
      spans.map(\.name) == [
        "test-compute queue", "test-compute", "catalog read", "illmrec.llm.v1.LLMService/EncodeUsers",
      ])
    let call = try #require(spans.last)
    #expect(call.kind == .server && call.context.parentID == Self.parent && call.failure == nil)
    #expect(spans.allSatisfy { $0.context.traceID == Self.trace })
    #expect(spans.dropLast().allSatisfy { $0.kind == .part && $0.context.parentID == call.context.spanID })
    #expect(
      spans.dropLast().allSatisfy {
        call.time.lowerBound <= $0.time.lowerBound && $0.time.upperBound <= call.time.upperBound
      })
    #expect(spans[0].time.upperBound == spans[1].time.lowerBound)
    #expect(value("illmrec.requests", of: spans[1]) == .number(2))
    #expect(value("illmrec.batch_size", of: spans[1]) == .number(2))
    #expect(value("rpc.system", of: call) == .text("grpc"))
    #expect(value("rpc.service", of: call) == .text("illmrec.llm.v1.LLMService"))
    #expect(value("rpc.method", of: call) == .text("EncodeUsers"))
    #expect(value("rpc.grpc.status_code", of: call) == .number(0))
    #expect(value("illmrec.request_id", of: call) == .text("r-1"))
  }

  @Test func `The caller decides whether its trace is recorded, and the ratio where no caller does`() async throws {
    let service = ScriptedService()
    try await withServicesInProcess([service], tracer: CallTracer(to: queue, ratio: 1)) { client in
      _ = try await Client(wrapping: client).encodeUsers(.init(), metadata: traceparent("00"))
    }
    #expect(spans.isEmpty)
    try await withServicesInProcess([service], tracer: CallTracer(to: queue, ratio: 0)) { client in
      _ = try await Client(wrapping: client).encodeUsers(.init())
    }
    #expect(spans.isEmpty)
    let record = LogRecord()
    let tracer = CallTracer(to: queue, ratio: 1)
    try await withServicesInProcess([service], logger: record.logger, tracer: tracer) { client in
      _ = try await Client(wrapping: client).encodeUsers(.init())
      _ = try await Client(wrapping: client).encodeUsers(.init(), metadata: ["traceparent": "nonsense"])
    }
    let begun = spans
    #expect(begun.count == 2 && begun.allSatisfy { $0.context.parentID == nil })
    // The log names the traces that began here.
    #expect(record.lines.map { $0.metadata["trace_id"]?.description } == begun.map(\.context.traceID))
  }

  @Test func `Health checks begin no trace`() async throws {
    let health = HealthService(services: [])
    health.setServing(true)
    let checks: @Sendable (Metadata) async throws -> Void = { metadata in
      try await withServicesInProcess([health], tracer: CallTracer(to: queue)) { client in
        _ = try await Grpc_Health_V1_Health.Client(wrapping: client).check(.init(), metadata: metadata)
      }
    }
    try await checks([:])
    #expect(spans.isEmpty)
    try await checks(traceparent("01"))
    #expect(spans.map(\.name) == ["grpc.health.v1.Health/Check"])
  }

  @Test func `A failure of the server marks the span, one of the caller does not`() async throws {
    let service = ScriptedService { request, _ in
      throw ServiceFailure(request.requestID == "bad" ? .noUsers : .internalFailure, "it failed")
    }
    try await withServicesInProcess([service], tracer: CallTracer(to: queue)) { client in
      for id in ["bad", "good"] {
        let request = LLM_EncodeUsersRequest.with { $0.requestID = id }
        _ = await #expect(throws: RPCError.self) { try await Client(wrapping: client).encodeUsers(request) }
      }
    }
    let spans = spans
    #expect(spans.map(\.failure) == [nil, "it failed"])
    #expect(spans.map { value("rpc.grpc.status_code", of: $0) } == [.number(3), .number(13)])
    #expect(spans.map { value("error.type", of: $0) } == [.text("NO_USERS"), .text("INTERNAL")])
  }

  @Test func `A call that is made is a part of the call it is made for, and the parent of what it causes`() async throws
  {
    let (outer, inner) = (SpanQueue(), SpanQueue())
    try await withServicesOverLoopback([ScriptedService()], tracer: CallTracer(to: inner, ratio: 0)) { behind in
      let asking = ScriptedService { request, _ in
        _ = try await Client(wrapping: behind).encodeUsers(.with { $0.requestID = request.requestID })
      }
      try await withServicesInProcess([asking], tracer: CallTracer(to: outer)) { client in
        _ = try await Client(wrapping: client).encodeUsers(.init())
      }
    }
    let (outside, inside) = (outer.take(), inner.take())
    #expect(outside.map(\.kind) == [.client, .server] && inside.map(\.kind) == [.server])
    let (made, call, answered) = (outside[0], outside[1], inside[0])
    #expect(made.context.parentID == call.context.spanID)
    #expect(answered.context.parentID == made.context.spanID && answered.context.traceID == call.context.traceID)
    #expect(value("rpc.grpc.status_code", of: made) == .number(0))
    guard case .text(let address) = value("server.address", of: made) else {
      Issue.record("the span names no server")
      return
    }
    #expect(address.contains("127.0.0.1"))
  }

  @Test func `A call that fails at the other side is a failed span`() async throws {
    let failing = ScriptedService { _, _ in throw ServiceFailure(.noUsers, "send users") }
    try await withServicesOverLoopback([failing]) { behind in
      let asking = ScriptedService { _, _ in
        _ = try? await Client(wrapping: behind).encodeUsers(.init())
      }
      try await withServicesInProcess([asking], tracer: CallTracer(to: queue)) { client in
        _ = try await Client(wrapping: client).encodeUsers(.init())
      }
    }
    let made = try #require(spans.first)
    #expect(made.kind == .client && made.failure?.contains("send users") == true)
    #expect(value("rpc.grpc.status_code", of: made) == .number(3))
  }

  @Test func `A stream has a bounded number of spans`() async throws {
    let stages = CallStages(recording: CallTracer(to: queue).recording(TraceContext(beginningWithin: 1)))
    let now = ContinuousClock.now
    for index in 0..<1000 { stages.note("stage \(index)", from: now, to: now) }
    #expect(spans.count == 128)
    #expect(stages.leftOut == 872)
  }

  @Test func `What has no room is dropped and counted`() async throws {
    let registry = ServiceMetrics.registry
    let queue = SpanQueue(capacity: 2, batchSize: 2)
    let series = "illmrec_trace_spans_total{result=\"dropped\"} "
    func dropped() -> Int {
      let lines = String(decoding: registry.text(), as: UTF8.self).split(separator: "\n")
      return lines.first { $0.hasPrefix(series) }.flatMap { Int($0.dropFirst(series.count)) } ?? 0
    }
    let before = dropped()
    for _ in 0..<7 { queue.add(TraceSpan(TraceContext(beginningWithin: 1), .part, "p", 1..<2)) }
    #expect(dropped() == before + 5)
  }
}
