// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import Testing

@testable import LLMService

@Suite("Tokens are counted by request", .timeLimit(.minutes(60))) struct CountTokensTests {
  @Test func `Tokens are counted without soft tokens`() async throws {
    let model = ScriptedEncoder()
    try await withServer(model) { client, _ in
      var prompt = user("u", ("old", []), ("a", []), ("bc", []), ("d", []))
      for index in prompt.history.items.indices { prompt.history.items[index].visual = nil }
      let count = try await client.countTokens(.with { $0.user = prompt })
      // a * b c * d * [REC]
      #expect(count.promptTokens == 8)
      #expect(count.recPosition == 7)
      #expect(count.softTokenPositions == [1, 4, 6])
      #expect(count.truncatedItems == 1)
      #expect(count.tokenIds == [97, UInt32.max, 98, 99, UInt32.max, 100, UInt32.max])
      #expect(model.computedBatches.isEmpty)
    }
  }

  @Test func `Faults are errors of the request`() async throws {
    try await withServer(ScriptedEncoder()) { client, _ in
      let empty = await #expect(throws: RPCError.self) { try await client.countTokens(.init()) }
      #expect(empty?.reason == "PROMPT_MISSING")
      #expect(empty?.message.hasPrefix("user: ") == true)
      let none = await #expect(throws: RPCError.self) {
        try await client.countTokens(.with { $0.user.history = .init() })
      }
      #expect(none?.reason == "HISTORY_EMPTY")
    }
  }

  @Test func `The server says what it serves and its limits`() async throws {
    var limits = LLMLimits()
    limits.maxUsers = 5
    try await withServer(ScriptedEncoder(), limits: limits) { client, _ in
      let info = try await client.getServerInfo(.init())
      #expect(info.serverVersion == Product.version)
      #expect(info.model.spaceFingerprint == "space-fingerprint")
      #expect([info.llmDim, info.embeddingDim, info.userVectorDim] == [4, 4, 2])
      #expect(info.spaces == [.image])
      #expect(info.spaceWeights == [1])
      #expect(info.promptTemplate == "<title> <i_vis>")
      #expect(info.limits.maxUsersPerRequest == 5)
      #expect(info.limits.maxHistoryItems == 3)
      #expect(info.limits.maxRequestHistoryItems == 1000)
      #expect(info.limits.maxPromptTokens == 100)
      #expect(info.limits.maxQueueTokens == 131_072)
      #expect(info.limits.maxTextBytes == 1 << 20)
      #expect(info.limits.maxMessageBytes == 64 << 20)
    }
  }
}
