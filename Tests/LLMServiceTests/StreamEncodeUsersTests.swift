// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import TestSupport
import Testing

@testable import LLMService

@Suite("Users are encoded by stream", .timeLimit(.minutes(60))) struct StreamEncodeUsersTests {
  private typealias Message = LLM_StreamEncodeUsersRequest

  private let ones: [Float] = [1, 1, 1, 1]

  /// Sends `messages` and returns what came back.
  private func stream(
    _ client: LLM_LLMService.Client<some ClientTransport>, _ messages: [Message]
  ) async throws -> [LLM_StreamEncodeUsersResponse] {
    try await client.streamEncodeUsers { writer in
      for message in messages { try await writer.write(message) }
    } onResponse: { response in
      try await response.messages.reduce(into: []) { $0.append($1) }
    }
  }

  private func config(_ change: (inout Message.Config) -> Void = { _ in }) -> Message {
    var message = Message()
    message.config = .init()
    change(&message.config)
    return message
  }

  private func message(_ user: UserPrompt) -> Message { .with { $0.user = user } }

  @Test func `Every user is answered once behind the model`() async throws {
    var limits = LLMLimits()
    limits.maxBatchTokens = 32
    try await withServer(ScriptedEncoder(), limits: limits) { client, _ in
      let users = (0..<200).map { i in message(user("\(i)", ("title", [Float(i), 0, 0, 0]))) }
      let answers = try await stream(client, [config()] + users)
      #expect(answers[0].model.fingerprint == "model-fingerprint")
      let vectors = Dictionary(uniqueKeysWithValues: answers.dropFirst().map { ($0.result.userID, $0.result.vector) })
      #expect(vectors.count == 200)
      #expect((0..<200).allSatisfy { vectors["\($0)"] == [Float($0), 0] })
    }
  }

  @Test func `A bad user fails alone`() async throws {
    try await withServer(ScriptedEncoder()) { client, _ in
      let answers = try await stream(
        client,
        [
          config { $0.outputs = [.hiddenState] }, message(user("a", ("x", ones))),
          message(.with { $0.userID = "empty" }), message(user("", ("x", ones))), message(user("b", ("x", ones))),
        ])
      let results = Dictionary(uniqueKeysWithValues: answers.dropFirst().map { ($0.result.userID, $0.result) })
      #expect(results["a"]?.hasHiddenState == true)
      #expect(results["b"]?.hasHiddenState == true)
      #expect(results["empty"]?.error.reason == "PROMPT_MISSING")
      #expect(results["empty"]?.error.message.hasPrefix("user: ") == true)
      #expect(results[""]?.error.reason == "USER_ID_MISSING")
    }
  }

  @Test func `Every result says where its time went`() async throws {
    let model = ScriptedEncoder()
    try await withServer(model) { client, _ in
      let answers = try await stream(client, [config { $0.cacheScope = "tenant" }, message(user("a", ("x", ones)))])
      let timing = answers[1].result.timing
      #expect(timing.batchSize == 1)
      #expect(timing.totalMicros >= timing.queueMicros + timing.computeMicros)
      #expect(model.seenScopes == ["tenant"])
      let long = [config { $0.cacheScope = String(repeating: "x", count: 257) }]
      let error = await #expect(throws: RPCError.self) { try await stream(client, long) }
      #expect(error?.reason == "CACHE_SCOPE_TOO_LONG")
      #expect(error?.message.hasPrefix("config.cache_scope: ") == true)
    }
  }

  @Test func `Users are read only as fast as they are computed`() async throws {
    let gate = Gate()
    let model = ScriptedEncoder { _, _ in gate.pass() }
    var limits = LLMLimits()
    limits.maxBatchTokens = 20
    try await withServer(model, limits: limits) { client, _ in
      async let answers = client.streamEncodeUsers { writer in
        try await writer.write(config())
        for i in 0..<500 {
          try await writer.write(message(user("\(i)", ("title 789", ones))))
        }
      } onResponse: { response in
        try await response.messages.reduce(into: 0) { count, _ in count += 1 }
      }
      try await waitUntil { !model.computedBatches.isEmpty }
      // 11 tokens a user: one is computed, three more fit into two batches of 20, and one is in hand. Were reading not
      // bound, the rest would follow within the pause.
      try await Task.sleep(for: .milliseconds(100))
      #expect(model.prompts.value <= 5)
      gate.open()
      #expect(try await answers == 501)
    }
  }

  @Test(arguments: ["no config", "config twice", "wrong version", "empty message"])
  func `A stream that is not one is refused`(fault: String) async throws {
    try await withServer(ScriptedEncoder()) { client, _ in
      let (messages, reason): ([Message], String) =
        switch fault {
        case "no config": ([message(user("a", ("x", ones)))], "CONFIG_MISSING")
        case "config twice": ([config(), config()], "USER_MISSING")
        case "wrong version": ([config { $0.modelVersion = "8" }], "MODEL_VERSION_NOT_SERVED")
        default: ([config(), Message()], "USER_MISSING")
        }
      let error = await #expect(throws: RPCError.self) { try await stream(client, messages) }
      #expect(error?.reason == reason)
    }
  }

  @Test func `A client that leaves frees the queue`() async throws {
    let gate = Gate()
    let model = ScriptedEncoder { _, _ in gate.pass() }
    try await withNetworkServer(model) { client, server in
      let task = Task {
        try await stream(client, [config()] + (0..<50).map { message(user("\($0)", ("abc", ones))) })
      }
      try await waitUntil { server.batcher.queuedCost >= 5 }
      task.cancel()
      _ = await task.result
      gate.open()
      try await waitUntil { server.batcher.queuedCost == 0 }
      // The service goes on.
      let response = try await client.encodeUsers(.with { $0.users = [user("u", ("a", ones))] })
      #expect(response.results[0].vector == [1, 1])
    }
  }

  /// Even while the client waits for an answer before it sends more.
  @Test func `A computation that ends ends the stream`() async throws {
    let opened = Counter()
    let model = ScriptedEncoder { _, _ in block { opened.value > 0 } }
    try await withServer(model) { client, server in
      async let failed = #expect(throws: RPCError.self) {
        try await client.streamEncodeUsers { writer in
          try await writer.write(config())
          try await writer.write(message(user("computed", ("abc", ones))))
          try await waitUntil { !model.computedBatches.isEmpty }
          try await writer.write(message(user("queued", ("abc", ones))))
          try await Task.sleep(for: .seconds(3600))
        } onResponse: { response in
          for try await _ in response.messages {}
        }
      }
      try await waitUntil { server.batcher.queuedCost > 0 }
      // The thread is held until the stream has ended.
      async let shutdown: Void = server.shutdown()
      let error = await failed
      #expect(error?.code == .unavailable && error?.reason == "SHUTTING_DOWN")
      opened.increment()
      await shutdown
    }
  }
}
