// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRPCCore
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import TestSupport
import Testing

@testable import EncoderService

/// The same image never runs through the tower twice.
@Suite("The same image never runs through the tower twice", .timeLimit(.minutes(60))) struct EmbeddingCacheTests {
  @Test func `An image is known under every name`() async throws {
    let model = ScriptedModel()
    try await withServer(model) { client, _ in
      let first = try await client.encode([item("a", [5, 6, 7]), item("b", [5, 6, 7])])
      #expect(first.map(\.cacheHit) == [false, true])
      let second = try await client.encode([item("c", [5, 6, 7]), item("d", [5, 6, 8])])
      #expect(second.map(\.cacheHit) == [true, false])
      #expect(try floats(second[0].embedding) == [5, 6, 7, 1])
      #expect(model.computedImages == 2)
    }
  }

  @Test func `Embeddings survive a restart`() async throws {
    let directory = try TemporaryDirectory()
    _ = try await withServer(in: directory) { client, _ in try await client.encode([item("", [5, 6, 7])]) }
    let model = ScriptedModel()
    let again = try await withServer(model, in: directory) { client, _ in
      try await client.encode([item("", [5, 6, 7])])
    }
    #expect(again[0].cacheHit && model.computedImages == 0)
    #expect(try floats(again[0].embedding) == [5, 6, 7, 1])
  }

  @Test func `Another tower sees the image itself`() async throws {
    let directory = try TemporaryDirectory()
    _ = try await withServer(in: directory) { client, _ in try await client.encode([item("", [5, 6, 7])]) }
    let other = ScriptedModel(tower: "tower-two")
    let again = try await withServer(other, in: directory) { client, _ in
      try await client.encode([item("", [5, 6, 7])])
    }
    #expect(!again[0].cacheHit && other.computedImages == 1)
  }

  @Test func `Pixels and files are different images`() async throws {
    try await withServer { client, _ in
      let turned = Item.with { $0.raw = .with { ($0.width, $0.height, $0.rgb) = (3, 2, Data(count: 18)) } }
      let results = try await client.encode([item("", [0, 0, 0]), turned])
      #expect(results.map(\.cacheHit) == [false, false])
    }
  }

  @Test func `Simultaneous requests share one run`() async throws {
    let gate = Gate()
    let model = ScriptedModel { gate.pass() }
    try await withServer(model) { client, _ in
      try await withThrowingTaskGroup(of: [Encoder_ItemResult].self) { group in
        for _ in 0..<5 { group.addTask { try await client.encode([item("", [5, 6, 7])]) } }
        try await gate.waitForArrivals()
        gate.open()
        var hits = 0
        for try await results in group {
          #expect(try floats(results[0].embedding) == [5, 6, 7, 1])
          hits += results[0].cacheHit ? 1 : 0
        }
        #expect(hits == 4 && model.computedImages == 1)
      }
    }
  }

  /// The request that runs the tower leaves; those that wait for it do not fail with it.
  @Test func `Who waits outlives the one who computes`() async throws {
    let gate = Gate()
    let model = ScriptedModel { gate.pass() }
    try await withNetworkServer(model) { client, _ in
      let request = Encoder_EncodeImagesRequest.with {
        $0.items = [item("", [5, 6, 7])]
        $0.outputs = [.embedding]
      }
      let owner = Task { try await client.encodeImages(request) }
      try await gate.waitForArrivals()
      async let waiter = client.encodeImages(request)
      owner.cancel()
      _ = try? await owner.value
      gate.open()
      let results = try await waiter.results
      #expect(try floats(results[0].embedding) == [5, 6, 7, 1])
      // What the first had computed was kept although nobody waited for it.
      #expect(model.computedImages == 1)
    }
  }

  @Test func `A bad image fails for all who sent it`() async throws {
    try await withServer { client, _ in
      let bad = Item.with { $0.encoded = Data("nonsense, which is no image".utf8) }
      let results = try await client.encode([bad, bad])
      #expect(results.map(\.error.reason) == ["IMAGE_FORMAT_UNSUPPORTED", "IMAGE_FORMAT_UNSUPPORTED"])
    }
  }
}
