// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import GRPCTransport
import Glibc
import ServiceAPI
import ServiceSupport
import ServiceTestSupport
import SwiftProtobuf
import TestSupport
import Testing

@testable import LLMService

@Suite("More than can be computed is refused before work is put into it", .timeLimit(.minutes(60)))
struct OverloadTests {
  private let ones: [Float] = [1, 1, 1, 1]

  private func request(_ users: UserPrompt...) -> LLM_EncodeUsersRequest {
    .with { $0.users = users }
  }

  private func request(text: Int) -> LLM_EncodeUsersRequest {
    request(.with { $0.parts.parts = [.with { $0.text = String(repeating: "a", count: text) }] })
  }

  /// Serves `model` and health checks over a connection.
  private func withHealthyServer<Value: Sendable>(
    _ model: some LLMModel, limits: LLMLimits = LLMLimits(),
    _ body: (GRPCClient<CGrpcClientTransport>, LLMServer) async throws -> Value
  ) async throws -> Value {
    let server = try LLMServer(trainings: trainings(model), limits: limits, logger: .silent)
    let health = HealthService(services: [LLM_LLMService.descriptor])
    health.setServing(true)
    let value = try await withServicesOverLoopback([server, health]) { try await body($0, server) }
    await server.shutdown()
    return value
  }

  /// In time that the model's batches make: five times as many callers as a batch has room for come with each batch.
  @Test func `At five times the capacity no work is wasted, the rest is refused at once, and health is quick`()
    async throws
  {
    let (batches, usersPerBatch) = (25, 4)
    let (layers, begun) = (Counter(), Counter())
    let model = ScriptedEncoder { _, _ in
      if layers.increment() % 2 == 1 { begun.increment() }
      usleep(80_000)
    }
    var limits = LLMLimits()
    limits.maxBatchTokens = 3 * usersPerBatch
    limits.maxQueueSeconds = 1
    try await withHealthyServer(model, limits: limits) { client, _ in
      let overload = Overload(client: .init(wrapping: client), begun: begun, timeout: .seconds(5))
      let done = Signal()
      async let checks = answeredChecks(client) { done.isSent }
      let endings = await overload.run(batches: batches, callsPerBatch: 5 * usersPerBatch)
      done.send()
      let healthyAnswers = try await checks
      let computed = model.computedBatches
      let (answered, refused) = (endings.batchesUntilAnswered, endings.batchesUntilRefused)
      let expired = endings.filter { $0 == .expired }.count
      #expect(endings.count == 5 * batches * usersPerBatch)
      #expect(answered.count + refused.count + expired == endings.count)
      // How few and how many, `make bench-overload` says. Without admission nine of ten expire, on any machine.
      #expect(expired <= endings.count / 3)
      #expect(2 * answered.count >= computed.reduce(0) { $0 + $1.count })
      #expect(refused.count >= endings.count / 2)
      // Those who are refused do not wait for their turn.
      let usualWait = answered.dropFirst(answered.count / 2).first ?? 0
      #expect(refused.dropFirst(refused.count / 2).first ?? 0 < usualWait)
      // Nor do the two checks that count as one: each takes less than a call waits, in batches.
      #expect(computed.count < 2 * healthyAnswers * usualWait)
    }
  }

  @Test func `Prompts that take for ever to tokenise hold up nobody but those behind them`() async throws {
    let gate = Gate()
    let model = ScriptedEncoder(reading: { gate.pass() })
    try await withHealthyServer(model) { client, _ in
      let llm = LLM_LLMService.Client(wrapping: client)
      // More than Swift's pool has threads.
      let callers = (0..<(2 * sysconf(Int32(_SC_NPROCESSORS_ONLN)) + 2)).map { _ in
        Task { try await llm.encodeUsers(request(user("0", ("a", ones)))).results[0].vector }
      }
      try await gate.waitForArrivals()
      let checks = Counter()
      let answered = try await answeredChecks(client) { checks.increment() > 20 }
      #expect(answered == 20)
      gate.open()
      for caller in callers { #expect(try await caller.value == [1, 1]) }
    }
  }

  @Test func `A full queue of text is overload`() async throws {
    let gate = Gate()
    var limits = LLMLimits()
    limits.maxTextBytes = 50_000
    limits.maxQueueTextBytes = 70_000
    try await withServer(ScriptedEncoder(reading: { gate.pass() }), limits: limits) { client, server in
      async let reading = client.encodeUsers(request(user("0", ("a", ones))))
      try await gate.waitForArrivals()
      async let queued = client.encodeUsers(request(text: 40_000))
      try await waitUntil { server.prompts.queuedBytes == 40_000 }
      let error = await #expect(throws: RPCError.self) { try await client.encodeUsers(request(text: 40_000)) }
      #expect(error?.code == .resourceExhausted)
      #expect(error?.reason == "QUEUE_FULL")
      #expect(error?.retryDelay != nil)
      gate.open()
      #expect(try await reading.results[0].vector == [1, 1])
      #expect(try await queued.results[0].error.reason == "PROMPT_TOO_LONG")
    }
  }

  @Test func `Nothing is tokenised for a caller who has left, or for whom there is no room behind`() async throws {
    let (reading, computing) = (Gate(), Gate())
    let model = ScriptedEncoder(layer: { _, _ in computing.pass() }, reading: { reading.pass() })
    var limits = LLMLimits()
    limits.maxBatchTokens = 3
    limits.maxQueueTokens = 4
    try await withHealthyServer(model, limits: limits) { client, server in
      let llm = LLM_LLMService.Client(wrapping: client)
      async let first = llm.encodeUsers(request(user("0", ("a", ones))))
      try await reading.waitForArrivals()
      let leaves = Task { try await llm.encodeUsers(request(user("1", ("ab", ones)))) }
      try await waitUntil { server.prompts.queuedBytes == 2 }
      leaves.cancel()
      try await waitUntil { server.prompts.queuedBytes == 0 }
      reading.open()
      try await computing.waitForArrivals()
      async let second = llm.encodeUsers(request(user("2", ("ab", ones))))
      try await waitUntil { server.batcher.queuedCost == 4 }
      let error = await #expect(throws: RPCError.self) { try await llm.encodeUsers(request(user("3", ("a", ones)))) }
      #expect(error?.reason == "QUEUE_FULL")
      #expect(model.prompts.value == 2)
      computing.open()
      _ = try await (first, second)
    }
  }

  @Test func `Who cannot be answered before the deadline is refused at once`() async throws {
    let (gate, slow) = (Gate(), Counter())
    let model = ScriptedEncoder { _, _ in
      if slow.increment() > 2 { gate.pass() } else { usleep(300_000) }
    }
    var limits = LLMLimits()
    limits.maxBatchTokens = 300
    limits.maxQueueSeconds = 3600
    try await withHealthyServer(model, limits: limits) { client, server in
      let llm = LLM_LLMService.Client(wrapping: client)
      _ = try await llm.encodeUsers(request(user("0", ("a", ones))))
      // More than half a second for each: sixty seconds in all, and nobody computes.
      let call = { Task { try await llm.encodeUsers(request(user("1", ("a", ones)))) } }
      let computing = call()
      try await gate.waitForArrivals()
      let waiting = (0..<99).map { _ in call() } + [computing]
      try await waitUntil { server.batcher.queuedCost == 297 }
      var options = CallOptions.defaults
      options.timeout = .seconds(30)
      let late = options
      let error = await #expect(throws: RPCError.self) {
        try await llm.encodeUsers(request(user("2", ("a", ones))), options: late)
      }
      #expect(error?.code == .resourceExhausted)
      #expect(error?.reason == "DEADLINE_UNREACHABLE")
      #expect(error?.retryDelay != nil)
      gate.open()
      for call in waiting { #expect(try await call.value.results[0].vector == [1, 1]) }
    }
  }
}
