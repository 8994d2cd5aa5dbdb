// SPDX-License-Identifier: Apache-2.0

import CatalogStore
import Foundation
import GRPCCore
import ModelServing
import Models
import ServiceAPI
import ServiceSupport
import ServiceTestSupport
import SwiftProtobuf
import TestSupport
import Testing

@testable import EncoderService

@Suite("Without rec_module the encoder embeds images, and refuses what a training computes")
struct UntrainedServerTests {
  private static let tower = ScriptedModel(tower: "tower-one")

  /// Over a connection, as callers have it.
  private func withUntrained(
    _ body: (_ client: NetworkClient, _ server: EncoderServer) async throws -> Void
  ) async throws {
    let directory = try TemporaryDirectory()
    defer { withExtendedLifetime(directory) {} }
    let model = UntrainedModel(model: "tower-fingerprint", tower: Self.tower.fingerprint, embeddingDim: 4)
    let server = try EncoderServer(
      tower: Self.tower,
      trainings: EncoderTrainings(
        default: LoadedTraining(LoadedModel(model, model.fingerprints), name: "a-tower", version: "1")),
      store: try ItemStore(path: directory.file("items.sqlite"), tower: Self.tower), limits: EncoderLimits(),
      decodeThreads: 2, logger: .silent)
    try await withServicesOverLoopback([server]) { try await body(.init(wrapping: $0), server) }
    await server.shutdown()
  }

  @Test func `Embeddings are answered, stored and read`() async throws {
    try await withUntrained { client, _ in
      let encoded = try await client.encodeImages(
        .with {
          $0.items = [item("a", [1, 2, 3])]
          $0.outputs = [.embedding]
          $0.store = true
        })
      #expect(try floats(encoded.results[0].embedding) == [1, 2, 3, 1])
      #expect(encoded.model.spaceFingerprint.isEmpty && encoded.model.fingerprint == "tower-fingerprint")
      let found = try await client.lookupItems(
        .with {
          $0.itemIds = ["a"]
          $0.outputs = [.embedding]
          $0.draft = true
        })
      #expect(try floats(found.items[0].result.embedding) == [1, 2, 3, 1])
    }
  }

  @Test func `What the server can is said`() async throws {
    try await withUntrained { client, _ in
      let info = try await client.getServerInfo(.init())
      #expect(info.embeddingDim == 4 && info.softTokenDim == 0 && info.itemVectorDim == 0 && info.spaces.isEmpty)
      #expect(info.towerFingerprint == "tower-one" && info.model.name == "a-tower")
    }
  }

  @Test(arguments: [Encoder_Output.softToken, .itemVector])
  func `Soft tokens and item vectors are refused with what to do`(_ output: Encoder_Output) async throws {
    try await withUntrained { client, _ in
      let encode = try await rpcError {
        _ = try await client.encodeImages(
          .with {
            $0.items = [item("a", [1, 2, 3])]
            $0.outputs = [.embedding, output]
          })
      }
      let export = try await rpcError { try await exportDraft(output, client) }
      for error in [encode, export] {
        #expect(error.code == .failedPrecondition && error.reason == "TRAINING_MISSING")
        #expect(error.message.contains("EMBEDDING"))
      }
    }
  }

  private func exportDraft(_ output: Encoder_Output, _ client: NetworkClient) async throws {
    let request = Encoder_ExportItemsRequest.with {
      $0.output = output
      $0.draft = true
    }
    try await client.exportItems(request) { response in
      for try await _ in response.messages {}
    }
  }

  @Test func `Embeddings cannot be projected, and no other training can be named`() async throws {
    try await withUntrained { client, _ in
      let project = try await rpcError {
        _ = try await client.projectEmbeddings(.with { $0.embeddings = .init([1, 2, 3, 4], shape: [1, 4]) })
      }
      #expect(project.code == .failedPrecondition && project.reason == "TRAINING_MISSING")
      let other = try await rpcError {
        _ = try await client.getServerInfo(.with { $0.spaceFingerprint = "another" })
      }
      #expect(other.reason == "TRAINING_NOT_LOADED")
    }
  }

  @Test func `A training that is loaded as the default answers from then on`() async throws {
    try await withUntrained { client, server in
      let training = LoadedTraining<any EncoderModel>(
        LoadedModel(ScriptedModel(), ScriptedModel().fingerprints), name: "test-model", version: "7")
      server.trainings.makeDefault(server.trainings.add(training))
      let encoded = try await client.encodeImages(
        .with {
          $0.items = [item("a", [1, 2, 3])]
          $0.outputs = [.softToken]
        })
      #expect(try floats(encoded.results[0].softToken) == [2, 4, 6, 2])
    }
  }

  @Test func `A vision model's own directory is a checkpoint without a training`() throws {
    let directory = try TemporaryDirectory()
    let own = CheckpointLocation(directory: directory.path)
    #expect(own.visionTower == directory.path + "/vision_tower" && !own.isTrained)
    _ = try directory.write(Array("{}".utf8), to: "preprocessor_config.json")
    #expect(own.visionTower == directory.path)
  }
}
