// SPDX-License-Identifier: Apache-2.0

import CatalogStore
import Foundation
import GRDB
import GRPCCore
import GRPCTransport
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import Synchronization
import TestSupport
import Testing

@testable import EncoderService

@Suite("Images are encoded by stream", .timeLimit(.minutes(60))) struct StreamEncodeImagesTests {
  @Test func `A stream encodes, stores and counts`() async throws {
    try await withServer { client, server in
      let answer = try await client.streamEncodeImages { writer in
        try await writer.write(streamConfig(outputs: [.itemVector]))
        for index in 0..<100 {
          let color = UInt8(index % 50)
          try await writer.write(.with { $0.item = item("item-\(index)", [color, 0, 0], title: "title \(index)") })
        }
        try await writer.write(.with { $0.item = .with { $0.itemID = "empty" } })
      } onResponse: {
        try await StreamAnswer($0.messages)
      }
      #expect(answer.model?.name == "test-model")
      #expect(answer.results.count == 101)
      #expect(try floats(answer.results["item-7"]?.itemVector ?? .init()) == [7, 0])
      #expect(answer.results["empty"]?.error.reason == "ITEM_EMPTY")
      let last = try #require(answer.progress.last)
      #expect(last.received == 101 && last.completed == 100 && last.failed == 1 && last.cacheHits == 50)
      #expect(try await server.store.overview().draftItemCount == 100)
    }
  }

  @Test func `What is answered is stored`() async throws {
    try await withServer { client, server in
      try await client.streamEncodeImages { writer in
        try await writer.write(streamConfig())
        for index in 0..<30 { try await writer.write(.with { $0.item = item("item-\(index)", [UInt8(index), 0, 0]) }) }
      } onResponse: { response in
        for try await message in response.messages {
          guard case .result(let result) = message.message else { continue }
          #expect(try await server.store.items(named: [result.itemID], in: .draft, readsVectors: true).items[0] != nil)
        }
      }
    }
  }

  @Test func `The first message is the config`() async throws {
    try await withServer { client, _ in
      let cases: [(String, [StreamRequest])] = [
        ("CONFIG_MISSING", []), ("CONFIG_MISSING", [.with { $0.item = item("a", [1, 2, 3]) }]),
        ("NOTHING_ASKED", [streamConfig(store: false)]), ("ITEM_MISSING", [streamConfig(), streamConfig()]),
        ("OUTPUT_UNKNOWN", [streamConfig(outputs: [.unspecified])]),
        ("MODEL_VERSION_NOT_SERVED", [.with { $0.config.modelVersion = "8" }]),
      ]
      for (reason, messages) in cases {
        let error = try await rpcError {
          _ = try await client.streamEncodeImages { writer in
            for message in messages { try await writer.write(message) }
          } onResponse: {
            try await StreamAnswer($0.messages)
          }
        }
        #expect(error.reason == reason)
      }
    }
  }

  @Test func `Progress comes while the tower runs`() async throws {
    let gate = Gate()
    try await withServer(ScriptedModel { gate.pass() }) { client, _ in
      try await client.streamEncodeImages { writer in
        try await writer.write(streamConfig())
        try await writer.write(.with { $0.item = item("a", [1, 2, 3]) })
      } onResponse: { response in
        for try await message in response.messages {
          guard case .progress(let counts) = message.message else { continue }
          #expect(counts.received <= 1)
          if counts.received == 1, counts.completed == 0 { gate.open() }
        }
      }
    }
  }

  /// Three batches in flight: a server whose tower stands still reads no further.
  @Test func `A slow tower stops the sender`() async throws {
    let gate = Gate()
    var limits = EncoderLimits()
    limits.maxBatchItems = 2
    try await withServer(ScriptedModel { gate.pass() }, limits: limits) { client, _ in
      let sent = Atomic(0)
      let received = Atomic(0)
      try await client.streamEncodeImages { writer in
        try await writer.write(streamConfig())
        for index in 0..<200 {
          try await writer.write(.with { $0.item = item("item-\(index)", [UInt8(index), 0, 0]) })
          sent.add(1, ordering: .relaxed)
        }
      } onResponse: { response in
        for try await message in response.messages {
          guard case .progress(let counts) = message.message else { continue }
          received.store(Int(counts.received), ordering: .relaxed)
          if gate.arrived == 1 {
            // A second has passed.
            #expect(counts.received <= 3 * 2 + 1)
            gate.open()
          }
        }
      }
      #expect(received.load(ordering: .relaxed) == 200)
    }
  }

  @Test func `A client that vanishes stops the work and loses nothing`() async throws {
    let gate = Gate()
    var limits = EncoderLimits()
    limits.maxBatchItems = 4
    let model = ScriptedModel { gate.pass() }
    try await withNetworkServer(model, limits: limits) { client, server in
      let stream = Task {
        try await client.streamEncodeImages { writer in
          try await writer.write(streamConfig())
          for index in 0..<100 {
            try await writer.write(.with { $0.item = item("item-\(index)", [UInt8(index), 0, 0]) })
          }
        } onResponse: {
          try await StreamAnswer($0.messages)
        }
      }
      // One batch is in the tower, one in its queue, the rest waits for room there.
      try await waitUntil { gate.arrived == 1 && server.pipeline.queuedImages == 4 }
      stream.cancel()
      _ = try? await stream.value
      // The server hears of it a little later than the client's task.
      try await waitUntil { server.pipeline.queuedImages == 0 }
      gate.open()
      // The next request is computed beside at most the batches that had begun.
      let later = try await client.encodeImages(
        .with {
          $0.items = [item("", [200, 0, 0])]
          $0.outputs = [.embedding]
        })
      #expect(try floats(later.results[0].embedding) == [200, 0, 0, 1])
      #expect(model.computedImages <= 2 * 4 + 1)
      // What the tower had done is known; which items came first is not.
      let colors = (0..<100).map { UInt8($0) }
      let known = try await server.store.embeddings(of: colors.map { SourceImage(item("", [$0, 0, 0])).digest })
      #expect(!known.isEmpty)
    }
  }

  /// Even while the client waits for an answer before it sends more.
  @Test func `A store that fails ends the stream`() async throws {
    try await withServer { client, server in
      try await server.store.pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA max_page_count = 20") }
      let error = try await rpcError {
        try await client.streamEncodeImages { writer in
          try await writer.write(streamConfig())
          let title = String(repeating: "x", count: 60_000)
          for index in 0..<20 {
            try await writer.write(.with { $0.item = item("item-\(index)", [UInt8(index), 0, 0], title: title) })
          }
          try await Task.sleep(for: .seconds(3600))
        } onResponse: {
          _ = try await StreamAnswer($0.messages)
        }
      }
      #expect(error.code == .resourceExhausted && error.reason == "STORAGE_FULL")
      #expect(error.message.contains("free space"))
    }
  }
}

extension SourceImage {
  init(_ item: Item) {
    self = .raw(width: Int(item.raw.width), height: Int(item.raw.height), rgb: item.raw.rgb)
  }
}
