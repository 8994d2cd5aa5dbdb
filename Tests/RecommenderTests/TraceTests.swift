// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import ServiceAPI
import ServiceSupport
import ServiceTestSupport
import SwiftProtobuf
import Testing
import Traces

@testable import Recommender

@Suite("One trace shows the way of a recommendation", .timeLimit(.minutes(60))) struct TraceTests {
  @Test func `Gateway, encoder, LLM and retrieval are spans of one trace, each under the call that asked it`()
    async throws
  {
    let (queue, harness) = (SpanQueue(), GatewayHarness())
    let tracer = CallTracer(to: queue)
    _ = try await harness.runOverCore(tracer: tracer) { client in
      try await client.recommend(.with { $0.users = [UserHistory("ann", ["desk", "lamp"])] })
    }
    let spans = queue.take()
    let root = try #require(spans.first { $0.context.parentID == nil })
    #expect(root.name == "illmrec.recommender.v1.RecommenderService/Recommend" && root.kind == .server)
    #expect(Set(spans.map(\.context.traceID)) == [root.context.traceID])
    let made = spans.filter { $0.kind == .client }
    #expect(made.allSatisfy { $0.context.parentID == root.context.spanID })
    let answered = spans.filter { $0.kind == .server && $0.context != root.context }
    #expect(answered.count == made.count)
    for span in answered {
      let caller = try #require(made.first { $0.context.spanID == span.context.parentID })
      #expect(caller.name == span.name)
    }
    let names = Set(answered.map(\.name))
    let expected: Set = [
      "illmrec.encoder.v1.EncoderService/LookupItems", "illmrec.llm.v1.LLMService/EncodeUsers",
      "illmrec.retrieval.v1.RetrievalService/Search",
    ]
    #expect(names.isSuperset(of: expected))
  }
}
