// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import TestSupport
import Testing

@testable import Recommender

@Suite("Deadlines reach every stage", .timeLimit(.minutes(60))) struct DeadlineTests {
  private static let request = RecommendRequest.with { $0.users = [UserHistory("a", ["desk"])] }

  @Test func `Stages are given what is left of the time`() async throws {
    var harness = GatewayHarness()
    harness.llm.before = { try await Task.sleep(for: .milliseconds(50)) }
    try await harness.withServer { server in
      _ = try await server.recommend(Self.request, deadline: .now + .seconds(7200))
    }
    let lookups = harness.metadata.metadata(of: "LookupItems").compactMap(Self.timeout)
    let encodings = harness.metadata.metadata(of: "EncodeUsers").compactMap(Self.timeout)
    let searches = harness.metadata.metadata(of: "Search").compactMap(Self.timeout)
    // Once for the history, once for the titles of what is recommended.
    #expect(lookups.count == 2 && encodings.count == 1 && searches.count == 1)
    #expect(lookups[0] <= .seconds(7200) && encodings[0] <= lookups[0])
    #expect(searches[0] <= encodings[0] - .milliseconds(50))
    #expect(lookups[1] <= searches[0])
  }

  @Test func `Without a deadline stages have none`() async throws {
    let harness = GatewayHarness()
    _ = try await harness.withServer { try await $0.recommend(Self.request, deadline: nil) }
    #expect(harness.metadata.metadata(of: "EncodeUsers").compactMap(Self.timeout).isEmpty)
  }

  @Test func `A deadline that passes names the stage`() async throws {
    let stage = Stage(name: "encoding users", target: "llm:2")
    let scope = RequestScope(requestID: "r", deadline: .now + .seconds(60), heedsTaskDeadlines: true)
    let during = await #expect(throws: ServiceFailure.self) {
      try await scope.call(stage) { _, _ in throw RPCError(code: .deadlineExceeded, message: "") }
    }
    let late = RequestScope(requestID: "r", deadline: .now - .milliseconds(1), heedsTaskDeadlines: true)
    let before = await #expect(throws: ServiceFailure.self) {
      try await late.call(stage) { _, _ in Issue.record("no time is left for the RPC") }
    }
    for error in [during, before] {
      #expect(error?.code == .deadlineExceeded)
      #expect(error?.reason == "DEADLINE_EXCEEDED")
      #expect(error?.message.hasPrefix("encoding users (llm:2): the request's deadline passed") == true)
    }
  }

  @Test(arguments: [true, false])
  func `A caller that leaves ends the request`(leavesByRPC: Bool) async throws {
    var harness = GatewayHarness()
    let begun = AsyncStream.makeStream(of: Void.self)
    let finish = AsyncStream.makeStream(of: Void.self)
    harness.llm.before = {
      begun.continuation.yield()
      for await _ in finish.stream {}
    }
    try await harness.withServer { server in
      let call = Task {
        try await withServerContextRPCCancellationHandle { handle in
          let leaving = Task {
            for await _ in begun.stream { break }
            if leavesByRPC { handle.cancel() }
          }
          defer { leaving.cancel() }
          return try await server.recommend(Self.request, deadline: nil)
        }
      }
      if !leavesByRPC {
        try await waitUntil { !harness.llm.encodings.values.isEmpty }
        call.cancel()
      }
      await #expect(throws: CancellationError.self) { try await call.value }
      finish.continuation.finish()
    }
    #expect(harness.retrieval.searches.values.isEmpty)
  }

  @Test func `The stage under way learns that the caller has left`() async throws {
    var harness = GatewayHarness()
    let events = AsyncStream.makeStream(of: String.self)
    harness.llm.before = {
      events.continuation.yield("begun")
      await untilCancelled()
      events.continuation.yield("cancelled")
    }
    try await harness.runOverCore { client in
      var seen = events.stream.makeAsyncIterator()
      let call = Task { try await client.recommend(Self.request) }
      #expect(await seen.next() == "begun")
      call.cancel()
      #expect(await seen.next() == "cancelled")
      await #expect(throws: (any Error).self) { try await call.value }
    }
    #expect(harness.retrieval.searches.values.isEmpty)
  }

  @Test func `A deadline travels through the gateway`() async throws {
    let harness = GatewayHarness()
    try await harness.runOverCore { client in
      var options = CallOptions.defaults
      options.timeout = .seconds(500)
      _ = try await client.recommend(Self.request, options: options)
      let deadlines = harness.llm.deadlines.values.compactMap { $0 }
      let deadline = try #require(deadlines.first)
      // On the wire a timeout is rounded up to three digits, by each of the two that send it.
      #expect(deadline <= .now + .seconds(510))
      _ = try await client.recommend(Self.request)
      let isWithout = harness.llm.deadlines.values.map { $0 == nil }
      #expect(isWithout == [false, true])
    }
  }

  /// As gRPC writes it: a number and a unit, such as 29990m.
  private static func timeout(_ metadata: Metadata) -> Duration? {
    guard let text = metadata[stringValues: "grpc-timeout"].first(where: { _ in true }),
      let number = Double(text.dropLast())
    else { return nil }
    switch text.last {
    case "n": return .seconds(number / 1e9)
    case "u": return .seconds(number / 1e6)
    case "m": return .seconds(number / 1e3)
    case "S": return .seconds(number)
    default: return nil
    }
  }
}
