// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import Models
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import TestSupport
import Testing

@testable import LLMService

@Suite("Users of different callers share batches", .timeLimit(.minutes(60))) struct BatchingTests {
  private let ones: [Float] = [1, 1, 1, 1]

  private func request(_ users: UserPrompt...) -> LLM_EncodeUsersRequest {
    .with { $0.users = users }
  }

  @Test func `Requests of different callers share a batch`() async throws {
    let gate = Gate()
    let model = ScriptedEncoder { _, _ in gate.pass() }
    try await withServer(model) { client, server in
      async let first = client.encodeUsers(request(user("0", ("a", ones))))
      try await gate.waitForArrivals()
      async let second = client.encodeUsers(request(user("1", ("ab", ones))))
      try await waitUntil { server.batcher.queuedCost == 4 }
      async let third = client.encodeUsers(request(user("2", ("abc", ones))))
      try await waitUntil { server.batcher.queuedCost == 9 }
      gate.open()
      #expect(try await first.timing.batchSize == 1)
      #expect(try await second.timing.batchSize == 2)
      #expect(try await third.timing.batchSize == 2)
      #expect(model.computedBatches == [[3], [4, 5]])
    }
  }

  @Test func `A batch holds no more tokens than its budget`() async throws {
    let model = ScriptedEncoder()
    var limits = LLMLimits()
    limits.maxBatchTokens = 10
    try await withServer(model, limits: limits) { client, _ in
      let response = try await client.encodeUsers(
        request(user("0", ("ab", ones)), user("1", ("ab", ones)), user("2", ("ab", ones))))
      #expect(response.results.allSatisfy { $0.vector == [1, 1] })
      #expect(model.computedBatches == [[4, 4], [4]])
      #expect(response.timing.batchSize == 2)
    }
  }

  /// A prompt that was mostly computed before, be it while it waited, leaves room for others.
  @Test func `Cached tokens do not fill a batch`() async throws {
    let gate = Gate()
    let model = ScriptedEncoder { _, _ in gate.pass() }
    var limits = LLMLimits()
    limits.maxBatchTokens = 10
    try await withServer(model, limits: limits) { client, server in
      async let first = client.encodeUsers(request(user("0", ("a", ones))))
      try await gate.waitForArrivals()
      async let second = client.encodeUsers(request(user("1", ("abcdef", ones))))
      try await waitUntil { server.batcher.queuedCost == 8 }
      model.hold(tokens: 5)
      async let third = client.encodeUsers(request(user("2", ("abcde", ones)), user("3", ("abcdef", ones))))
      try await waitUntil { server.batcher.queuedCost == 13 }
      gate.open()
      #expect(try await second.results[0].cachedTokens == 5)
      #expect(try await third.results.map(\.promptTokens) == [7, 8])
      _ = try await first
      #expect(model.computedBatches == [[3], [8, 7, 8]])
    }
  }

  @Test func `A member that leaves is dropped between layers`() async throws {
    let (gate, pair) = (Gate(), Signal())
    let model = ScriptedEncoder { batch, isCancelled in
      if batch == [3] { return gate.pass() }
      // Held until the second member's caller is seen to have left.
      pair.send()
      block { isCancelled(1) }
    }
    try await withNetworkServer(model) { client, server in
      async let first = client.encodeUsers(request(user("0", ("a", ones))))
      try await gate.waitForArrivals()
      async let stays = client.encodeUsers(request(user("1", ("abc", ones))))
      try await waitUntil { server.batcher.queuedCost == 5 }
      let leaves = Task { try await client.encodeUsers(request(user("2", ("ab", ones)))) }
      try await waitUntil { server.batcher.queuedCost == 9 }
      gate.open()
      _ = try await first
      await pair.wait()
      leaves.cancel()
      #expect(try await stays.results[0].vector == [1, 1])
      _ = await leaves.result
      #expect(model.computedBatches == [[3], [5, 4]])
      #expect(model.droppedUsers == [4])
    }
  }

  @Test func `A full queue is overload`() async throws {
    let gate = Gate()
    var limits = LLMLimits()
    limits.maxQueueTokens = 10
    limits.maxBatchTokens = 10
    try await withServer(ScriptedEncoder { _, _ in gate.pass() }, limits: limits) { client, server in
      async let computing = client.encodeUsers(request(user("0", ("a", ones))))
      try await gate.waitForArrivals()
      async let queued = client.encodeUsers(request(user("1", ("abcdef", ones))))
      try await waitUntil { server.batcher.queuedCost == 8 }
      let error = await #expect(throws: RPCError.self) {
        try await client.encodeUsers(request(user("2", ("a", ones))))
      }
      #expect(error?.code == .resourceExhausted)
      #expect(error?.reason == "QUEUE_FULL")
      #expect(error?.retryDelay != nil)
      gate.open()
      _ = try await (computing, queued)
    }
  }

  @Test func `A deadline takes effect between layers`() async throws {
    let layers = Counter()
    let model = ScriptedEncoder { batch, isCancelled in
      layers.increment()
      if batch == [3] { block { isCancelled(0) } }
    }
    try await withNetworkServer(model) { client, server in
      var options = CallOptions.defaults
      options.timeout = .milliseconds(100)
      // On a busy machine the deadline may pass before the request is computed: then it is given more time.
      repeat {
        options.timeout = options.timeout.map { $0 * 2 }
        let attempt = options
        let error = await #expect(throws: RPCError.self) {
          try await client.encodeUsers(request(user("0", ("a", ones))), options: attempt)
        }
        #expect(error?.code == .deadlineExceeded)
      } while model.computedBatches.isEmpty
      // The next batch can begin only once the first was given up, before its second layer.
      _ = try await client.encodeUsers(request(user("1", ("ab", ones))))
      #expect(model.computedBatches == [[3], [4]])
      #expect(layers.value == 3)
    }
  }

  @Test func `A caller who leaves does not disturb its neighbours`() async throws {
    let gate = Gate()
    let model = ScriptedEncoder { _, _ in gate.pass() }
    try await withNetworkServer(model) { client, server in
      async let computing = client.encodeUsers(request(user("0", ("a", ones))))
      try await gate.waitForArrivals()
      let leaves = Task { try await client.encodeUsers(request(user("1", ("ab", ones)))) }
      try await waitUntil { server.batcher.queuedCost == 4 }
      async let stays = client.encodeUsers(request(user("2", ("abc", ones))))
      try await waitUntil { server.batcher.queuedCost == 9 }
      leaves.cancel()
      _ = await leaves.result
      try await waitUntil { server.batcher.queuedCost == 5 }
      gate.open()
      #expect(try await stays.results[0].vector == [1, 1])
      _ = try await computing
      #expect(model.computedBatches == [[3], [5]])
    }
  }
}
