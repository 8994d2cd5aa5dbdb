// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import Logging
import ServiceAPI
import ServiceTestSupport
import SwiftProtobuf
import Testing
import Traces

@testable import ServiceSupport

@Suite("A caller's trace goes through every service", .timeLimit(.minutes(15))) struct TraceContextTests {
  private static let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
  private static let parent = "00f067aa0ba902b7"
  private static let text = "00-\(trace)-\(parent)-01"

  @Test func `The log names the trace, and others are told it`() async throws {
    let record = LogRecord()
    try await withServicesInProcess([ScriptedService()], logger: record.logger) { client in
      let client = LLM_LLMService.Client(wrapping: client)
      _ = try await client.encodeUsers(.init(), metadata: ["traceparent": "\(Self.text)"])
      _ = try await client.encodeUsers(.init())
      var twice: Metadata = ["traceparent": "\(Self.text)"]
      twice.addString(Self.text, forKey: "traceparent")
      _ = try await client.encodeUsers(.init(), metadata: twice)
    }
    #expect(record.lines.map { $0.metadata["trace_id"]?.description } == [Self.trace, nil, nil])
    let span = try #require(record.lines.first?.metadata["span_id"]?.description)
    #expect(span != Self.parent && span.utf8.count == 16)
    let context = try #require(TraceContext(continuing: Self.text))
    let metadata = RequestIdentity.metadata(for: "r", trace: context)
    #expect(Array(metadata[stringValues: "traceparent"]) == [context.text])
    #expect(Array(metadata[stringValues: "x-request-id"]) == ["r"])
  }
}
