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

@Suite("Images are encoded by request", .timeLimit(.minutes(60))) struct EncodeImagesTests {
  @Test func `What was asked is answered in order`() async throws {
    try await withServer(ScriptedModel(spaces: [.image, .cf])) { client, _ in
      let response = try await client.encodeImages(
        .with {
          $0.requestID = "r1"
          $0.items = [
            item("a", [10, 20, 30]), item("b", [1, 2, 3]),
            .with {
              $0.itemID = "c"
              $0.cfFeature = .init([7, 8, 9])
            },
          ]
          $0.outputs = [.embedding, .softToken, .itemVector]
        })
      #expect(response.requestID == "r1")
      #expect(response.model.name == "test-model" && response.model.version == "7")
      #expect(response.model.fingerprint == "model-fingerprint")
      #expect(response.model.spaceFingerprint == "space-fingerprint")
      #expect(response.results.map(\.itemID) == ["a", "b", "c"])
      #expect(try floats(response.results[0].embedding) == [10, 20, 30, 1])
      #expect(try floats(response.results[0].softToken) == [20, 40, 60, 2])
      #expect(try floats(response.results[0].itemVector) == [10, 20, 0, 0])
      #expect(try floats(response.results[1].embedding) == [1, 2, 3, 1])
      #expect(!response.results[2].hasEmbedding && !response.results[2].hasSoftToken)
      #expect(try floats(response.results[2].itemVector) == [0, 0, 7, 8])
      #expect(response.timing.batchSize == 2)
      #expect(response.timing.totalMicros >= response.timing.computeMicros)
    }
  }

  @Test func `Files are decoded`() async throws {
    try await withServer { client, _ in
      let response = try await client.encodeImages(
        .with {
          $0.items = [try photo("gray", gray: 100)]
          $0.outputs = [.embedding]
          $0.outputType = .float16
        })
      #expect(response.results[0].embedding.dataType == .float16)
      // A flat JPEG is exact to one step.
      for value in try floats(response.results[0].embedding).prefix(3) { #expect(abs(value - 100) <= 1) }
    }
  }

  @Test func `An item that fails leaves the others`() async throws {
    try await withServer { client, _ in
      var whole = try photo("cut", gray: 9)
      whole.encoded = whole.encoded.prefix(100)
      let response = try await client.encodeImages(
        .with {
          $0.items = [
            item("good", [1, 1, 1]), whole, .with { $0.encoded = Data() }, .with { $0.encoded = Data("qoif".utf8) },
            .init(),
            .with { $0.raw = .with { $0.width = 2 } }, item("last", [2, 2, 2]),
          ]
          $0.outputs = [.embedding]
        })
      #expect(
        response.results.map(\.error.reason) == [
          "", "IMAGE_TRUNCATED", "IMAGE_EMPTY", "IMAGE_FORMAT_UNSUPPORTED", "ITEM_EMPTY", "IMAGE_EMPTY", "",
        ])
      #expect(response.results[1].error.code == Int32(RPCError.Code.invalidArgument.rawValue))
      #expect(response.results[2].error.message.hasPrefix("items[2].encoded: "))
      #expect(
        response.results.map(\.error.field) == [
          "", "items[1].encoded", "items[2].encoded", "items[3].encoded", "items[4]", "items[5].raw", "",
        ])
      #expect(try floats(response.results[6].embedding) == [2, 2, 2, 1])
    }
  }

  @Test func `Limits of an image are named`() async throws {
    var limits = EncoderLimits()
    limits.maxImageBytes = 400
    limits.maxImagePixels = 100
    try await withServer(limits: limits) { client, _ in
      let response = try await client.encodeImages(
        .with {
          $0.items = [
            .with { $0.encoded = Data(count: 401) }, try photo("pixels", gray: 1),
            .with { $0.raw = .with { ($0.width, $0.height, $0.rgb) = (11, 10, Data(count: 330)) } },
            .with { $0.raw = .with { ($0.width, $0.height, $0.rgb) = (60_000, 60_000, Data(count: 3)) } },
            .with { $0.raw = .with { ($0.width, $0.height, $0.rgb) = (2, 2, Data(count: 11)) } },
          ]
          $0.outputs = [.embedding]
        })
      #expect(
        response.results.map(\.error.reason) == [
          "IMAGE_TOO_LARGE", "IMAGE_TOO_LARGE", "IMAGE_TOO_MANY_PIXELS", "IMAGE_TOO_MANY_PIXELS", "IMAGE_SIZE_MISMATCH",
        ])
      #expect(response.results[0].error.message.contains("max_image_bytes is 400"))
      #expect(response.results[3].error.message.contains("60000 x 60000"))
    }
  }

  @Test(arguments: [
    ([1, 2] as [Float], "TENSOR_SHAPE"), ([1, .nan, 3], "TENSOR_NOT_FINITE"), ([1, 2, .infinity], "TENSOR_NOT_FINITE"),
  ])
  func `Bad features are named`(values: [Float], reason: String) async throws {
    try await withServer(ScriptedModel(spaces: [.image, .cf])) { client, _ in
      let response = try await client.encodeImages(
        .with {
          $0.items = [.with { $0.cfFeature = .init(values) }]
          $0.outputs = [.itemVector]
        })
      #expect(response.results[0].error.reason == reason)
      #expect(response.results[0].error.message.hasPrefix("items[0].cf_feature: "))
    }
  }

  /// Of an image's embedding and of what is projected from it: neither neighbours in the request nor in the batch notice.
  @Test func `An item that overflows fails alone and is not stored`() async throws {
    try await withServer { client, _ in
      let response = try await client.encodeImages(
        .with {
          $0.items = [
            item("a", [1, 2, 3]), item("tower", [99, 0, 0]), item("b", [4, 5, 6]), item("adaptor", [198, 0, 0]),
            item("c", [7, 8, 9]),
          ]
          $0.outputs = [.embedding, .softToken]
          $0.store = true
        })
      #expect(
        response.results.map(\.error.reason) == ["", "RESULT_NOT_FINITE", "", "RESULT_NOT_FINITE", ""])
      #expect(try floats(response.results[2].softToken) == [8, 10, 12, 2])
      let stored = try await client.lookupItems(
        .with {
          $0.itemIds = ["a", "tower", "b", "adaptor", "c"]
          $0.draft = true
        })
      #expect(
        stored.items.map(\.result.error.reason) == ["", "ITEM_NOT_FOUND", "", "ITEM_NOT_FOUND", ""])
    }
  }

  @Test func `Features of spaces not served are refused`() async throws {
    try await withServer { client, _ in
      let response = try await client.encodeImages(
        .with {
          $0.items = [.with { $0.textFeature = .init([1, 2, 3]) }]
          $0.outputs = [.itemVector]
        })
      #expect(response.results[0].error.reason == "SPACE_NOT_SERVED")
      #expect(response.results[0].error.message.contains("--spaces"))
    }
  }

  @Test func `Requests that cannot be answered name their field`() async throws {
    var limits = EncoderLimits()
    limits.maxItems = 2
    try await withServer(limits: limits) { client, _ in
      let good = item("a", [1, 2, 3])
      let cases: [(String, String, (inout Encoder_EncodeImagesRequest) -> Void)] = [
        ("NO_ITEMS", "items", { $0.items = [] }),
        ("TOO_MANY_ITEMS", "max_items_per_request is 2", { $0.items = [good, good, good] }),
        ("NOTHING_ASKED", "outputs", { $0.outputs = [] }),
        ("OUTPUT_UNKNOWN", "outputs[1]", { $0.outputs = [.embedding, .UNRECOGNIZED(9)] }),
        ("DATA_TYPE_UNKNOWN", "output_type", { $0.outputType = .UNRECOGNIZED(9) }),
        ("MODEL_VERSION_NOT_SERVED", "model_version", { $0.modelVersion = "8" }),
      ]
      for (reason, mention, change) in cases {
        var request = Encoder_EncodeImagesRequest()
        request.items = [good]
        request.outputs = [.embedding]
        change(&request)
        let error = try await rpcError { _ = try await client.encodeImages(request) }
        #expect(error.reason == reason)
        #expect(error.message.contains(mention))
      }
    }
  }

  @Test func `Storing needs a name that can be kept`() async throws {
    try await withServer { client, _ in
      var long = item("x", [1, 2, 3])
      long.metadata.description_p = String(repeating: "d", count: 70_000)
      let response = try await client.encodeImages(
        .with {
          $0.items = [
            item("", [1, 2, 3]), item("a\0b", [1, 2, 3]), item(String(repeating: "x", count: 513), [1, 2, 3]), long,
          ]
          $0.store = true
        })
      #expect(
        response.results.map(\.error.reason) == [
          "ITEM_ID_MISSING", "TEXT_HAS_NUL", "ITEM_ID_TOO_LONG", "METADATA_TOO_LONG",
        ])
      let info = try await client.getServerInfo(.init())
      #expect(info.storedItems == 0)
    }
  }

  @Test func `A full queue refuses with a delay`() async throws {
    let gate = Gate()
    var limits = EncoderLimits()
    (limits.maxItems, limits.maxQueueItems, limits.maxBatchItems) = (2, 2, 1)
    try await withServer(ScriptedModel { gate.pass() }, limits: limits) { client, server in
      try await withThrowingTaskGroup(of: Void.self) { group in
        defer { gate.open() }
        group.addTask { _ = try await client.encode([item("", [1, 1, 1])]) }
        try await gate.waitForArrivals()
        group.addTask { _ = try await client.encode([item("", [2, 2, 2]), item("", [3, 3, 3])]) }
        try await waitUntil { server.pipeline.queuedImages == 2 }
        let error = try await rpcError { _ = try await client.encode([item("", [4, 4, 4])]) }
        #expect(error.code == .resourceExhausted && error.reason == "QUEUE_FULL")
        #expect(error.retryDelay != nil)
      }
    }
  }
}

extension Client {
  func encode(_ items: [Item]) async throws -> [Encoder_ItemResult] {
    try await encodeImages(
      .with {
        $0.items = items
        $0.outputs = [.embedding]
      }
    ).results
  }
}
