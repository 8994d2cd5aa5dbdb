// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRPCCore
import Models
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import TestSupport
import Testing

@testable import EncoderService

/// LookupItems, ExportItems, ProjectEmbeddings and GetServerInfo.
@Suite("Items are looked up, exported and projected", .timeLimit(.minutes(60))) struct CatalogTests {
  @Test func `Items are looked up in order`() async throws {
    try await withServer { client, _ in
      try await client.store([item("a", [1, 2, 3], title: "first"), item("b", [4, 5, 6])])
      let response = try await client.lookupItems(
        .with {
          $0.itemIds = ["b", "nothing", "a"]
          $0.outputs = [.softToken, .itemVector]
        })
      #expect(response.model.name == "test-model")
      #expect(response.items.map(\.result.itemID) == ["b", "nothing", "a"])
      #expect(try floats(response.items[0].result.softToken) == [8, 10, 12, 2])
      #expect(response.items[1].result.error.reason == "ITEM_NOT_FOUND")
      #expect(response.items[1].result.error.message.contains("\"nothing\""))
      #expect(response.items[2].metadata.title == "first")
      #expect(try floats(response.items[2].result.itemVector) == [1, 2])
      #expect(!response.items[2].result.hasEmbedding)
    }
  }

  @Test func `Metadata alone needs no vectors`() async throws {
    try await withServer { client, _ in
      try await client.store([
        .with {
          $0 = item("a", [1, 2, 3])
          $0.metadata = .with { ($0.title, $0.brand, $0.category, $0.description_p) = ("t", "b", "c", "d") }
        }
      ])
      let response = try await client.lookupItems(.with { $0.itemIds = ["a"] })
      let metadata = response.items[0].metadata
      #expect([metadata.title, metadata.brand, metadata.category, metadata.description_p] == ["t", "b", "c", "d"])
    }
  }

  @Test func `Storing again replaces the whole item`() async throws {
    try await withServer(ScriptedModel(spaces: [.image, .cf])) { client, _ in
      try await client.store([item("a", [1, 2, 3], title: "old")])
      try await client.store([
        .with {
          $0.itemID = "a"
          $0.cfFeature = .init([7, 8, 9])
        }
      ])
      let response = try await client.lookupItems(
        .with {
          $0.itemIds = ["a"]
          $0.outputs = [.embedding, .itemVector]
        })
      #expect(response.items[0].metadata.title.isEmpty && !response.items[0].result.hasEmbedding)
      #expect(try floats(response.items[0].result.itemVector) == [0, 0, 7, 8])
    }
  }

  @Test func `Items of another tower say what to do`() async throws {
    let directory = try TemporaryDirectory()
    try await withServer(in: directory) { client, _ in try await client.store([item("a", [1, 2, 3], title: "kept")]) }
    try await withServer(ScriptedModel(tower: "tower-two"), in: directory) { client, _ in
      let response = try await client.lookupItems(
        .with {
          $0.itemIds = ["a"]
          $0.outputs = [.softToken]
        })
      #expect(response.items[0].result.error.reason == "TOWER_MISMATCH")
      #expect(response.items[0].metadata.title == "kept")
      let error = try await rpcError { _ = try await client.export() }
      #expect(error.code == .failedPrecondition && error.reason == "TOWER_MISMATCH")
      #expect(error.message.contains("encode the catalog again"))
      try await client.store([item("a", [1, 2, 3])])
      #expect(try await client.export().ids == ["a"])
    }
  }

  @Test func `An export gives all items in order of their names`() async throws {
    try await withServer { client, _ in
      let names = (0..<600).map { "item-\($0)" } + ["Ä", "a", "Z", "\u{10000}", "\u{FFFD}"]
      for start in stride(from: 0, to: names.count, by: 200) {
        try await client.store(names[start..<min(start + 200, names.count)].map { item($0, [UInt8($0.count), 1, 1]) })
      }
      let export = try await client.export()
      #expect(export.header?.itemCount == 605 && export.header?.dim == 2)
      #expect(export.ids == names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
      #expect(export.chunks == 3)
      #expect(export.values.count == 605 * 2 && export.values[1] == 1)
    }
  }

  @Test func `An export leaves out what has no value`() async throws {
    try await withServer(ScriptedModel(spaces: [.image, .cf])) { client, _ in
      let noImage = Item.with {
        $0.itemID = "b"
        $0.cfFeature = .init([7, 8, 9])
        $0.metadata.category = "War|Drama"
      }
      try await client.store([item("a", [1, 2, 3]), noImage])
      let embeddings = try await client.export(.embedding)
      #expect(embeddings.ids == ["a"] && embeddings.values == [1, 2, 3, 1] && embeddings.header?.itemCount == 2)
      let vectors = try await client.export()
      #expect(vectors.ids == ["a", "b"] && vectors.values == [1, 2, 0, 0, 0, 0, 7, 8])
      #expect(vectors.categories == [[], ["War", "Drama"]])
    }
  }

  @Test
  func `An export takes an item's categories apart, and leaves out what no index takes`() async throws {
    try await withServer { client, _ in
      let texts = [
        "", "Home & Kitchen, Lamps", "War| Drama |", String(repeating: "x", count: 257) + "|War", "|", "Sci-Fi",
      ]
      try await client.store(
        texts.enumerated().map { place, text in
          var item = item("\(place)", [1, 2, 3])
          item.metadata.category = text
          return item
        })
      #expect(
        try await client.export().categories == [
          [], ["Home & Kitchen, Lamps"], ["War", "Drama"], ["War"], [], ["Sci-Fi"],
        ])
      let looked = try await client.lookupItems(.with { $0.itemIds = ["2"] })
      #expect(looked.items[0].metadata.category == "War| Drama |", "the text stays as it was sent")
    }
  }

  @Test func `An export sees the catalog as it was`() async throws {
    try await withServer { client, _ in
      for start in stride(from: 0, to: 600, by: 200) {
        try await client.store((start..<start + 200).map { item("item-\($0 + 1000)", [1, 1, 1]) })
      }
      let ids = try await client.exportItems(.init()) { response in
        var ids: [String] = []
        for try await message in response.messages {
          if case .header = message.message {
            try await client.store([item("a-new-first", [1, 1, 1]), item("z-new-last", [1, 1, 1])])
          }
          ids += message.chunk.itemIds
        }
        return ids
      }
      #expect(ids.count == 600 && !ids.contains("z-new-last"))
    }
  }

  @Test func `Embeddings are projected`() async throws {
    var limits = EncoderLimits()
    limits.maxItems = 2
    try await withServer(limits: limits) { client, _ in
      let response = try await client.projectEmbeddings(
        .with { $0.embeddings = .init([1, 2, 3, 4, 5, 6, 7, 8], shape: [2, 4], as: .bfloat16) })
      #expect(response.softTokens.shape == [2, 4])
      #expect(
        try response.softTokens.floats(field: "t", shape: [2, 4]) == [2, 4, 6, 8, 10, 12, 14, 16])
      let cases: [(String, Common_Tensor)] = [
        ("TENSOR_SHAPE", .init([1, 2, 3], shape: [1, 3])), ("TENSOR_MISSING", .init()),
        ("TENSOR_NOT_FINITE", .init([1, 2, .nan, 4], shape: [1, 4])),
        ("TOO_MANY_ITEMS", .init([Float](repeating: 0, count: 12), shape: [3, 4])),
        ("NO_ITEMS", .init([], shape: [0, 4])),
      ]
      for (reason, tensor) in cases {
        let error = try await rpcError { _ = try await client.projectEmbeddings(.with { $0.embeddings = tensor }) }
        #expect(error.reason == reason && error.message.contains("embeddings"))
      }
    }
  }

  /// The scripted soft token is twice the sum of what it is made of.
  @Test func `Soft tokens of more than the image are made of what an item has`() async throws {
    try await withServer(ScriptedModel(tokenFeatures: [.image, .cf])) { client, _ in
      let feature = Common_Tensor([10, 20, 30] as [Float])
      try await client.store([
        .with {
          $0 = item("both", [1, 2, 3])
          $0.cfFeature = feature
        }, item("image", [1, 2, 3]),
        .with {
          $0.itemID = "feature"
          $0.cfFeature = feature
        },
      ])
      let response = try await client.lookupItems(
        .with {
          $0.itemIds = ["both", "image", "feature"]
          $0.outputs = [.softToken]
        })
      let tokens = try response.items.map { try floats($0.result.softToken) }
      #expect(tokens == [[22, 44, 66, 2], [2, 4, 6, 2], [20, 40, 60, 0]])
      let error = try await rpcError {
        _ = try await client.projectEmbeddings(.with { $0.embeddings = .init([1, 2, 3, 4], shape: [1, 4]) })
      }
      #expect(error.reason == "SOFT_TOKEN_OF_MORE" && error.message.contains("img, cf"))
    }
  }

  @Test func `Lookups are checked`() async throws {
    var limits = EncoderLimits()
    limits.maxItems = 2
    try await withServer(limits: limits) { client, _ in
      for (reason, ids) in [("NO_ITEMS", []), ("TOO_MANY_ITEMS", ["a", "b", "c"])] {
        let error = try await rpcError { _ = try await client.lookupItems(.with { $0.itemIds = ids }) }
        #expect(error.reason == reason && error.message.contains("item_ids"))
      }
    }
  }

  @Test func `What cannot name an item has its own error, and the others are looked up`() async throws {
    try await withServer { client, _ in
      try await client.store([item("a", [1, 2, 3])])
      let ids = ["", "a", String(repeating: "x", count: 513), "a\0b", "none"]
      let results = try await client.lookupItems(.with { $0.itemIds = ids }).items.map(\.result)
      #expect(results.map(\.itemID) == ids)
      #expect(
        results.map(\.error.reason) == ["ITEM_ID_MISSING", "", "ITEM_ID_TOO_LONG", "TEXT_HAS_NUL", "ITEM_NOT_FOUND"])
      #expect(
        results.map(\.error.field) == ["item_ids[0]", "", "item_ids[2]", "item_ids[3]", "item_ids[4]"])
      let all = try await client.lookupItems(.with { $0.itemIds = ["", ""] }).items
      #expect(all.allSatisfy { $0.result.error.reason == "ITEM_ID_MISSING" })
    }
  }

  @Test func `An export names its own field`() async throws {
    try await withServer { client, _ in
      let error = try await rpcError { _ = try await client.export(.UNRECOGNIZED(9)) }
      #expect(error.reason == "OUTPUT_UNKNOWN" && error.violation?.field == "output")
    }
  }

  @Test func `The service describes itself`() async throws {
    try await withServer(ScriptedModel(spaces: [.image, .cf])) { client, _ in
      try await client.store([item("a", [1, 2, 3])])
      let info = try await client.getServerInfo(.init())
      #expect(info.serverVersion == Product.version && info.model.version == "7")
      #expect(info.towerFingerprint == "tower-one")
      #expect(info.embeddingDim == 4 && info.softTokenDim == 4 && info.itemVectorDim == 4)
      #expect(info.spaces == [.image, .cf] && info.cfFeatureDim == 3 && info.textFeatureDim == 0)
      #expect(info.storedItems == 1)
      #expect(info.limits.maxItemsPerRequest == 256 && info.limits.maxImagePixels == 100_000_000)
      #expect(info.limits.maxImageBytes == 32 << 20 && info.limits.maxMessageBytes == 64 << 20)
      #expect(info.limits.maxQueueItems == 512)
    }
  }
}

/// What ExportItems answered.
struct Export: Sendable {
  var header: Encoder_ExportItemsResponse.Header?
  var ids: [String] = []
  var values: [Float] = []
  var categories: [[String]] = []
  var chunks = 0
}

extension Client {
  /// Stores items and commits them.
  func store(_ items: [Item]) async throws {
    try await storeInDraft(items)
    _ = try await commitCatalog(.init())
  }

  func storeInDraft(_ items: [Item]) async throws {
    let response = try await encodeImages(
      .with {
        $0.items = items
        $0.store = true
      })
    for result in response.results where result.hasError {
      throw ServiceFailure(relaying: .internalError, reason: result.error.reason, result.error.message)
    }
  }

  func export(_ output: Output = .unspecified) async throws -> Export {
    try await exportItems(.with { $0.output = output }) { response in
      var export = Export()
      for try await message in response.messages {
        switch message.message {
        case .header(let header): export.header = header
        case .chunk(let chunk):
          export.chunks += 1
          export.ids += chunk.itemIds
          export.categories += chunk.categories.map(\.names)
          export.values += try chunk.vectors.floats(field: "vectors", shape: [nil, nil])
        case nil: break
        }
      }
      return export
    }
  }
}
