// SPDX-License-Identifier: Apache-2.0

import CatalogStore
import Foundation
import GRPCCore
import Items
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import TestSupport
import Testing

@testable import EncoderService

@Suite("A stream fills the draft in its order, and may be all of it", .timeLimit(.minutes(60))) struct StreamSyncTests {
  private func sync(_ isOn: Bool = true) -> StreamRequest {
    .with {
      $0.config.store = true
      $0.config.sync = isOn
    }
  }

  private func stream(_ client: Client, _ messages: [StreamRequest]) async throws -> StreamAnswer {
    try await client.streamEncodeImages { writer in
      for message in messages { try await writer.write(message) }
    } onResponse: {
      try await StreamAnswer($0.messages)
    }
  }

  private func draft(_ server: EncoderServer) async throws -> [String] {
    try await server.store.view(of: .draft).items(after: nil, limit: 1000).map { "\($0.id) \($0.texts.title)" }
  }

  private func message(_ item: Item) -> StreamRequest { .with { $0.item = item } }

  /// The tower stands still for the first of two; the second one's image is known and needs no tower.
  @Test func `Of two items with one id the later one is kept, whatever was faster`() async throws {
    let gate = Gate()
    let model = ScriptedModel { gate.pass() }
    try await withServer(model) { client, server in
      gate.letOnePass()
      _ = try await client.encode([item("", [9, 9, 9])])
      async let answer = stream(
        client,
        [
          sync(false), message(item("x", [1, 2, 3], title: "old")), message(item("x", [9, 9, 9], title: "new")),
          message(item("other", [9, 9, 9])),
        ])
      // Others are not held up.
      try await waitUntil { try await self.draft(server).contains("other ") }
      #expect(try await draft(server) == ["other "])
      gate.open()
      _ = try await answer
      #expect(try await draft(server) == ["other ", "x new"])
      let stored = try await server.store.items(named: ["x"], in: .draft, readsVectors: true)
      #expect(stored.items[0]?.image == .embedding([9, 9, 9, 1]))
    }
  }

  @Test func `A later item that cannot be encoded leaves the earlier one`() async throws {
    try await withServer { client, server in
      let bad = Item.with {
        $0.itemID = "x"
        $0.encoded = Data("nonsense, which is no image".utf8)
      }
      let answer = try await stream(
        client, [sync(false), message(item("x", [1, 2, 3], title: "sound")), message(bad)])
      #expect(answer.progress.last?.failed == 1)
      #expect(try await draft(server) == ["x sound"])
    }
  }

  @Test func `A stream that is all of the draft takes out what it does not name`() async throws {
    try await withServer { client, server in
      try await client.store((0..<5).map { item("item-\($0)", [UInt8($0), 1, 1], title: "first") })
      let bad = Item.with {
        $0.itemID = "item-1"
        $0.encoded = Data("nonsense, which is no image".utf8)
      }
      let empty = Item.with { $0.itemID = "item-2" }
      let answer = try await stream(
        client,
        [
          sync(), message(item("item-0", [0, 1, 1], title: "second")), message(bad), message(empty),
          message(item("new", [7, 7, 7])),
        ])
      #expect(answer.progress.last?.removed == 2)
      #expect(try await draft(server) == ["item-0 second", "item-1 first", "item-2 first", "new "])
      #expect(try await client.export().ids == (0..<5).map { "item-\($0)" }, "the snapshot stays")
      #expect(try await stream(client, [sync(false)]).progress.last?.removed == 0)
      #expect(try await draft(server).count == 4)
    }
  }

  @Test func `Names are compared by their bytes`() async throws {
    try await withServer { client, server in
      let (composed, decomposed) = ("caf\u{E9}", "cafe\u{301}")
      try await client.storeInDraft([
        item(composed, [1, 1, 1], title: "one"), item(decomposed, [2, 2, 2], title: "two"),
      ])
      #expect(try await draft(server).count == 2)
      let answer = try await stream(client, [sync(), message(item(decomposed, [2, 2, 2], title: "two"))])
      #expect(answer.progress.last?.removed == 1)
      let left = try await draft(server)
      #expect(left.count == 1 && left[0].utf8.elementsEqual("\(decomposed) two".utf8))
    }
  }

  @Test func `A stream that breaks off takes nothing out`() async throws {
    try await withNetworkServer(ScriptedModel()) { client, server in
      let items = (0..<5).map { item("item-\($0)", [UInt8($0), 1, 1]) }
      _ = try await client.encodeImages(
        .with {
          $0.items = items
          $0.store = true
        })
      let answered = Signal()
      let broken = Task { [sync] in
        try await client.streamEncodeImages { writer in
          try await writer.write(sync(true))
          try await writer.write(.with { $0.item = items[0] })
          try await Task.sleep(for: .seconds(3600))
        } onResponse: { response in
          for try await message in response.messages {
            if case .result = message.message { answered.send() }
          }
        }
      }
      await answered.wait()
      broken.cancel()
      _ = await broken.result
      // Whoever comes later meets all of them.
      _ = try await client.encodeImages(
        .with {
          $0.items = [item("", [8, 8, 8])]
          $0.outputs = [.embedding]
        })
      try await Task.sleep(for: .milliseconds(300))
      #expect(try await server.store.overview().draftItemCount == 5)
    }
  }

  @Test func `A client whose sending fails takes nothing out`() async throws {
    struct Broken: Error {}
    try await withNetworkServer(ScriptedModel()) { client, server in
      _ = try await client.encodeImages(
        .with {
          $0.items = [item("a", [1, 1, 1]), item("b", [2, 2, 2])]
          $0.store = true
        })
      let sending = Task { [sync] in
        try await client.streamEncodeImages { writer in
          try await writer.write(sync(true))
          try await writer.write(.with { $0.item = item("a", [1, 1, 1]) })
          throw Broken()
        } onResponse: {
          _ = try await StreamAnswer($0.messages)
        }
      }
      _ = await sending.result
      try await Task.sleep(for: .milliseconds(300))
      #expect(try await server.store.overview().draftItemCount == 2)
    }
  }

  @Test func `To be all of the draft, items must be stored`() async throws {
    try await withServer { client, _ in
      let error = try await rpcError {
        _ = try await stream(
          client,
          [
            .with {
              $0.config.sync = true
              $0.config.outputs = [.embedding]
            }
          ])
      }
      #expect(error.reason == "SYNC_WITHOUT_STORE")
    }
  }
}
