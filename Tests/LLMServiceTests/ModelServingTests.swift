// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRPCCore
import Models
import ServiceAPI
import ServiceSupport
import ServiceTestSupport
import SwiftProtobuf
import TestSupport
import Testing

@testable import LLMService

/// The service over a real model: a small random checkpoint.
@Suite("The service serves a real model", .timeLimit(.minutes(60))) struct ModelServingTests {
  private let model: UserModel

  init() throws {
    let directory = try TemporaryDirectory()
    try SyntheticCheckpoint.write(
      to: directory.path, shape: .tiny, seed: 7, text: ["Red shoe", "Blue hat", "Green lamp"])
    model = try UserModel(
      checkpoint: CheckpointLocation(directory: directory.path), configuration: .init(maxHistoryItems: 4, threads: 1))
  }

  @Test func `What a tenant sent is in no other tenant's cached tokens, whatever scope it names`() async throws {
    let (control, tokens) = try PolicyFixture().control(tenants: ["eu", "eu2", "eu"], role: "encode")
    try await withServer(model, access: control) { client, _ in
      func cachedTokens(_ token: BearerToken, scope: String) async throws -> UInt32 {
        let request = LLM_EncodeUsersRequest.with {
          $0.cacheScope = scope
          $0.outputs = [.userVector]
          $0.users = [prompt(1, items: 3)]
        }
        return try await client.encodeUsers(request, metadata: .bearer(token.text)).results[0].cachedTokens
      }
      let first = try await cachedTokens(tokens[0], scope: "s")
      for scope in ["s", "2:eu:s", "eu:s", "eus", ":s", ""] {
        #expect(try await cachedTokens(tokens[1], scope: scope) == first, "\(scope)")
      }
      #expect(try await cachedTokens(tokens[2], scope: "s") > first, "another identity of the tenant shares")
    }
  }

  /// Numbers in -1 ..< 1 that depend on the seed alone.
  private func vector(_ count: Int, seed: UInt64) -> [Float] {
    var random = SeededGenerator(seed: seed)
    return random.uniform(count)
  }

  private func prompt(_ id: Int, items: Int) -> UserPrompt {
    .with { user in
      user.userID = "\(id)"
      user.history.items = (0..<items).map { item in
        .with {
          $0.title = "Red shoe \(id) \(item)"
          $0.softToken = .init(vector(model.llmDim, seed: UInt64(100 * id + item)))
        }
      }
    }
  }

  /// Soft tokens of one user that overflow, in an RPC with sound users, in RPCs beside it and in those that come after.
  @Test func `A soft token that overflows fails its own user alone`() async throws {
    let tokens = (0..<4).map { vector(model.llmDim, seed: UInt64(900 + $0)) }
    func user(_ id: String, items: Int, bad: Int? = nil) -> UserPrompt {
      .with { user in
        user.userID = id
        user.history.items = (0..<items).map { item in
          .with {
            $0.title = "Red shoe \(item)"
            $0.softToken = .init(item == bad ? [Float](repeating: 1e30, count: model.llmDim) : tokens[item])
          }
        }
      }
    }
    let expected = try (1...4).map { count in
      let entries = (0..<count).map { HistoryEntry(title: "Red shoe \($0)", softToken: tokens[$0]) }
      return try model.userVectors(of: model.hiddenStates(of: [try model.prompt(history: entries)])).values
    }
    try await withServer(model) { client, _ in
      for round in 0..<3 {
        let together = try await client.encodeUsers(
          .with {
            $0.users = [user("bad", items: 4, bad: 3)] + (1...4).map { user("\($0)", items: $0) }
            $0.cacheScope = "\(round)"
          })
        #expect(together.results[0].error.reason == "RESULT_NOT_FINITE")
        #expect(together.results.dropFirst().map(\.vector) == expected)
        try await withThrowingTaskGroup(of: Void.self) { group in
          for count in 1...4 {
            group.addTask {
              let bad = try await client.encodeUsers(.with { $0.users = [user("bad", items: 4, bad: 3)] })
              #expect(bad.results[0].error.reason == "RESULT_NOT_FINITE")
            }
            group.addTask {
              let good = try await client.encodeUsers(.with { $0.users = [user("good", items: count)] })
              #expect(good.results[0].vector == expected[count - 1])
            }
          }
          try await group.waitForAll()
        }
      }
    }
  }

  private func relativeError(_ got: [Float], _ expected: [Float]) -> Float {
    let difference = zip(got, expected).reduce(Float(0)) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    return (difference / expected.reduce(Float(0)) { $0 + $1 * $1 }).squareRoot()
  }

  /// The service continues the instruction that it computed at its start.
  @Test func `An answer is the model's own`() async throws {
    let entries = (0..<3).map {
      HistoryEntry(title: "Red shoe 1 \($0)", softToken: vector(model.llmDim, seed: 100 + $0))
    }
    let hidden = try model.hiddenStates(of: [try model.prompt(history: entries)])
    let expected = try model.userVectors(of: hidden)
    try await withServer(model) { client, _ in
      let result = try await client.encodeUsers(
        .with {
          $0.users = [prompt(1, items: 3)]
          $0.outputs = [.userVector, .hiddenState, .spaceVectors]
        }
      ).results[0]
      #expect(try #require(result.vector) == expected.values)
      let state = try result.hiddenState.floats(field: "h", shape: [model.llmDim])
      #expect(state == hidden.values)
      #expect(result.spaceVectors.count == 3)
      #expect(result.spaceVectors[0].space == .image)
    }
  }

  @Test func `Neighbours in a batch change nothing`() async throws {
    var limits = LLMLimits()
    limits.maxBatchTokens = 100_000
    try await withServer(model, limits: limits) { client, _ in
      let users = (0..<9).map { prompt($0, items: $0 % 4 + 1) }
      var alone: [[Float]] = []
      for user in users {
        alone.append(try #require(try await client.encodeUsers(.with { $0.users = [user] }).results[0].vector))
      }
      let together = try await client.encodeUsers(.with { $0.users = users })
      #expect(together.timing.batchSize == 9)
      for (result, expected) in zip(together.results, alone) {
        #expect(try #require(result.vector) == expected)
      }
    }
  }

  /// The same user before and after one more item, over RPC; a tenant of its own shares only the instruction.
  @Test func `A grown history is computed from where it grew`() async throws {
    try await withServer(model) { client, _ in
      func encode(items: Int, scope: String = "") async throws -> UserResult {
        try await client.encodeUsers(
          .with {
            $0.users = [prompt(1, items: items)]
            $0.cacheScope = scope
          }
        ).results[0]
      }
      let (first, grown) = (try await encode(items: 2), try await encode(items: 3))
      let stranger = try await encode(items: 3, scope: "tenant")
      #expect(grown.cachedTokens > first.cachedTokens)
      #expect(grown.cachedTokens < grown.promptTokens)
      #expect(stranger.cachedTokens == first.cachedTokens)
      #expect(try #require(grown.vector) == #require(stranger.vector))
      let cache = try await client.getServerInfo(.init()).prefixCache
      #expect(cache.promptTokens == UInt64(first.promptTokens + 2 * grown.promptTokens))
      #expect(cache.cachedTokens == UInt64(first.cachedTokens + grown.cachedTokens + stranger.cachedTokens))
      #expect(cache.maxBytes == 1 << 30)
      #expect(cache.blocks > 0 && cache.usedBytes > 0 && cache.evictedBlocks == 0)
      #expect(cache.blockTokens == 2)
    }
  }

  /// Embeddings name an item as well as soft tokens do, and are not mixed up with them.
  @Test func `Embeddings are shared like soft tokens`() async throws {
    try await withServer(model) { client, _ in
      func encode(_ seed: UInt64) async throws -> UserResult {
        let request = LLM_EncodeUsersRequest.with {
          $0.users = [
            .with { $0.history.items = [.with { $0.embedding = .init(vector(model.embeddingDim, seed: seed)) }] }
          ]
        }
        return try await client.encodeUsers(request).results[0]
      }
      let (first, again, other) = (try await encode(1), try await encode(1), try await encode(2))
      #expect(again.cachedTokens > first.cachedTokens)
      #expect(other.cachedTokens < again.cachedTokens)
      #expect(try #require(again.vector) == #require(first.vector))
      #expect(relativeError(try #require(other.vector), try #require(first.vector)) > 1e-3)
    }
  }

  @Test func `A checkpoint is asked in its style`() async throws {
    let directory = try TemporaryDirectory()
    let checkpoint = CheckpointLocation(directory: directory.path)
    try SyntheticCheckpoint.write(to: directory.path, shape: .tiny, seed: 7, text: ["Red shoe", "Blue hat"])
    func train(with style: PromptStyle) throws {
      let json = #"{"model_type": "projector", "prompt_style": "\#(style.rawValue)"}"#
      try Data(json.utf8).write(to: URL(filePath: checkpoint.recModule + "/config.json"))
    }
    for style in [PromptStyle.attributes, .descriptions, .imageDescriptions] {
      try train(with: style)
      let error = #expect(throws: ModelError.self) { try LLMServer.checkPromptStyle(of: checkpoint) }
      #expect(error?.code == .unsupported && error?.message.contains("--prompts \(style.rawValue)") == true)
    }
    try train(with: .compact)
    try LLMServer.checkPromptStyle(of: checkpoint)
    let compact = try UserModel(checkpoint: checkpoint, configuration: .init(maxHistoryItems: 4, threads: 1))
    let entries = (2..<6).map { HistoryEntry(title: "", softToken: vector(model.llmDim, seed: 100 + $0)) }
    let expected = try compact.userVectors(of: compact.hiddenStates(of: [try compact.prompt(history: entries)]))
    try await withServer(compact) { client, _ in
      let results = try await client.encodeUsers(.with { $0.users = [prompt(1, items: 6), prompt(1, items: 1)] })
        .results
      // `<s>`, soft tokens, [REC].
      #expect(results.map(\.promptTokens) == [6, 3] && results.map(\.truncatedItems) == [2, 0])
      #expect(try #require(results[0].vector) == expected.values)
      #expect(try await client.getServerInfo(.init()).promptTemplate == "<i_vis>")
    }
  }

  @Test func `Embeddings are projected by the same adaptor`() async throws {
    let embedding = vector(model.embeddingDim, seed: 5)
    let token = try model.softTokens(of: Matrix(rows: 1, columns: model.embeddingDim, values: embedding))
    try await withServer(model) { client, _ in
      let results = try await client.encodeUsers(
        .with {
          $0.users = [
            .with { $0.history.items = [.with { $0.embedding = .init(embedding) }] },
            .with { $0.history.items = [.with { $0.softToken = .init(token.values) }] },
          ]
        }
      ).results
      let (fromEmbedding, fromToken) = (try #require(results[0].vector), try #require(results[1].vector))
      #expect(fromEmbedding == fromToken)
    }
  }

  @Test func `The template in parts is the same prompt`() async throws {
    try await withServer(model) { client, _ in
      let token = Common_Tensor(vector(model.llmDim, seed: 3))
      let pieces = PromptTemplatePieces(model.promptTemplate, title: "Red shoe")
      let history = UserPrompt.with {
        $0.history.items = [
          .with {
            $0.title = "Red shoe"
            $0.softToken = token
          }
        ]
      }
      let parts = UserPrompt.with {
        $0.parts.parts = [
          .with { $0.text = pieces.before },
          .with { $0.softTokens = .init(vector(model.llmDim, seed: 3), shape: [1, model.llmDim]) },
          .with { $0.text = pieces.after },
        ]
      }
      let counts = try await [
        client.countTokens(.with { $0.user = history }), client.countTokens(.with { $0.user = parts }),
      ]
      #expect(counts[0].tokenIds == counts[1].tokenIds)
      let results = try await client.encodeUsers(.with { $0.users = [history, parts] }).results
      #expect(try #require(results[1].vector) == #require(results[0].vector))
    }
  }

  @Test func `A missing title reads unknown`() async throws {
    try await withServer(model) { client, _ in
      let titles = ["", "Unknown", "Red shoe"]
      var ids: [[UInt32]] = []
      for title in titles {
        let count = try await client.countTokens(.with { $0.user.history.items = [.with { $0.title = title }] })
        ids.append(count.tokenIds)
      }
      #expect(ids[0] == ids[1])
      #expect(ids[0] != ids[2])
    }
  }

  @Test func `The history bound is reported`() async throws {
    try await withServer(model) { client, _ in
      let result = try await client.encodeUsers(.with { $0.users = [prompt(2, items: 7)] }).results[0]
      #expect(result.truncatedItems == 3)
      let info = try await client.getServerInfo(.init())
      #expect(info.limits.maxHistoryItems == 4)
      #expect(info.userVectorDim == 12)
      #expect(info.model.fingerprint.count == 64)
    }
  }
}

/// The text around the one item's `<i_vis>` in the template.
private struct PromptTemplatePieces {
  let before: String
  let after: String

  init(_ template: String, title: String) {
    let filled = template.replacing("<title>", with: title).split(separator: "<i_vis>", maxSplits: 1)
    before = String(filled[0])
    after = String(filled[1])
  }
}
