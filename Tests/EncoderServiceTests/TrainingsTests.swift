// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import TestSupport
import Testing

@testable import EncoderService

@Suite("The encoder answers by the training that is named", .timeLimit(.minutes(60))) struct TrainingsTests {
  private let first = ScriptedModel()
  private let second = ScriptedModel(space: "b", factor: 10)

  @Test func `Soft tokens and item vectors are the training's, embeddings the tower's`() async throws {
    try await withServer(first, [second]) { client, _ in
      for (space, factor) in [("", Float(1)), ("b", 10), ("space-fingerprint", 1)] {
        let response = try await client.encodeImages(
          .with {
            $0.items = [item("a", [10, 20, 30])]
            $0.outputs = [.embedding, .softToken, .itemVector]
            $0.store = true
            $0.spaceFingerprint = space
          })
        #expect(response.model.spaceFingerprint == (space.isEmpty ? "space-fingerprint" : space))
        #expect(response.model.name == (space == "b" ? "other-model" : "test-model"))
        let result = response.results[0]
        let embedding = try floats(result.embedding)
        #expect(embedding == [10, 20, 30, 1])
        #expect(try floats(result.softToken) == embedding.map { 2 * factor * $0 })
        #expect(try floats(result.itemVector) == embedding.prefix(2).map { factor * $0 })
        let looked = try await client.lookupItems(
          .with {
            $0.itemIds = ["a"]
            $0.outputs = [.softToken]
            $0.draft = true
            $0.spaceFingerprint = space
          })
        #expect(looked.model == response.model)
        #expect(try floats(looked.items[0].result.softToken) == embedding.map { 2 * factor * $0 })
        let projected = try await client.projectEmbeddings(
          .with {
            $0.embeddings = .init(embedding, shape: [1, 4])
            $0.spaceFingerprint = space
          })
        #expect(projected.model == response.model)
        #expect(try rows(projected.softTokens) == embedding.map { 2 * factor * $0 })
        #expect(try await client.getServerInfo(.with { $0.spaceFingerprint = space }).model == response.model)
        #expect(try await exported(client, space) == embedding.prefix(2).map { factor * $0 })
      }
      #expect(first.computedImages == 1 && second.computedImages == 0, "one tower, and each image once")
    }
  }

  private func rows(_ tensor: Common_Tensor) throws -> [Float] {
    try tensor.floats(field: "tensor", shape: [nil, 4])
  }

  private func exported(_ client: Client, _ space: String) async throws -> [Float] {
    let request = Encoder_ExportItemsRequest.with {
      $0.spaceFingerprint = space
      $0.draft = true
    }
    return try await client.exportItems(request) { response in
      var values: [Float] = []
      for try await message in response.messages {
        if case .header(let header) = message.message {
          #expect(header.model.spaceFingerprint == (space.isEmpty ? "space-fingerprint" : space))
        }
        guard case .chunk(let chunk) = message.message else { continue }
        values += try chunk.vectors.floats(field: "vectors", shape: [nil, 2])
      }
      return values
    }
  }

  @Test func `Requests of two trainings are projected together, each by its own`() async throws {
    try await withServer(first, [second]) { client, _ in
      try await withThrowingTaskGroup(of: Void.self) { group in
        for number in 0..<40 {
          group.addTask {
            let (space, factor) = number % 2 == 0 ? ("b", Float(10)) : ("", 1)
            let value = Float(number)
            let response = try await client.projectEmbeddings(
              .with {
                $0.embeddings = .init([value, 1, 2, 3], shape: [1, 4])
                $0.spaceFingerprint = space
              })
            #expect(try rows(response.softTokens) == [value, 1, 2, 3].map { 2 * factor * $0 })
          }
        }
        try await group.waitForAll()
      }
    }
  }

  @Test func `A training that is not loaded is refused by every method`() async throws {
    try await withServer(first) { client, _ in
      func expectRefusal(_ field: String, _ body: () async throws -> Void) async throws {
        let error = try await rpcError { try await body() }
        #expect(error.code == .failedPrecondition && error.reason == "TRAINING_NOT_LOADED")
        #expect(error.message.hasPrefix("\(field): the training other is not loaded here"))
      }
      try await expectRefusal("space_fingerprint") {
        _ = try await client.encodeImages(.with { $0.spaceFingerprint = "other" })
      }
      try await expectRefusal("space_fingerprint") {
        _ = try await client.projectEmbeddings(.with { $0.spaceFingerprint = "other" })
      }
      try await expectRefusal("space_fingerprint") {
        _ = try await client.lookupItems(.with { $0.spaceFingerprint = "other" })
      }
      try await expectRefusal("space_fingerprint") {
        _ = try await client.getServerInfo(.with { $0.spaceFingerprint = "other" })
      }
      try await expectRefusal("space_fingerprint") { _ = try await exported(client, "other") }
      try await expectRefusal("config.space_fingerprint") {
        try await client.streamEncodeImages { writer in
          try await writer.write(
            .with {
              $0.config.store = true
              $0.config.spaceFingerprint = "other"
            })
        } onResponse: { response in
          for try await _ in response.messages {}
        }
      }
    }
  }
}
