// SPDX-License-Identifier: Apache-2.0

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

@testable import LLMService

/// Several trainings in one service, each of them a small random checkpoint over the same LLM.
@Suite("The LLM service answers by the training that is named", .timeLimit(.minutes(60))) struct TrainingsTests {
  private let shop: TrainingShop
  private let frozen: FrozenLLM

  init() throws {
    shop = try TrainingShop()
    _ = try shop.makeTraining("first", seed: 1)
    _ = try shop.makeTraining("second", seed: 2)
    frozen = try FrozenLLM(checkpoint: shop.base, configuration: .init(threads: 2, prefixCacheBytes: 0))
  }

  private func models() throws -> [UserModel] {
    try ["first", "second"].map { try UserModel(checkpoint: shop.location(of: $0), over: frozen) }
  }

  /// Of one length, so that all prompts have as many tokens.
  private func users(of model: UserModel, _ ids: Range<Int>, embeddings: Bool = false) -> [UserPrompt] {
    ids.map { id in
      var random = SeededGenerator(seed: UInt64(id))
      return .with { user in
        user.userID = "\(id)"
        user.history.items = (0..<3).map { item in
          .with {
            $0.title = "Red shoe"
            if embeddings {
              $0.embedding = .init(random.uniform(model.embeddingDim))
            } else {
              $0.softToken = .init(random.uniform(model.llmDim))
            }
          }
        }
      }
    }
  }

  private func vectors(_ client: Client, _ users: [UserPrompt], of space: String) async throws -> [[Float]] {
    let response = try await client.encodeUsers(
      .with {
        $0.users = users
        $0.outputs = [.userVector, .hiddenState]
        $0.expectedSpaceFingerprint = space
      })
    #expect(space.isEmpty || response.model.spaceFingerprint == space)
    return try response.results.map { result in
      try result.hiddenState.floats(field: "h", shape: [nil]) + (try #require(result.vector))
    }
  }

  @Test func `A request is answered by its training, and says which it was`() async throws {
    let models = try models()
    let users = users(of: models[0], 0..<4, embeddings: true)
    var alone: [[[Float]]] = []
    for model in models {
      alone.append(try await withServer(model) { client, _ in try await vectors(client, users, of: "") })
    }
    try await withServer(trainings(models[0], models[1])) { client, _ in
      #expect(alone[0] != alone[1])
      for (model, expected) in zip(models, alone) {
        #expect(try await vectors(client, users, of: model.fingerprints.space) == expected)
        let info = try await client.getServerInfo(.with { $0.spaceFingerprint = model.fingerprints.space })
        #expect(info.model.fingerprint == model.fingerprints.model)
        let count = try await client.countTokens(
          .with {
            $0.user = users[0]
            $0.spaceFingerprint = model.fingerprints.space
          })
        #expect(count.model.spaceFingerprint == model.fingerprints.space)
      }
      #expect(try await vectors(client, users, of: "") == alone[0])
      #expect(try await client.getServerInfo(.init()).model.spaceFingerprint == models[0].fingerprints.space)
    }
  }

  /// A batch that holds users of both is one pass through the LLM, and gives each the answer that it has alone.
  @Test func `Users of two trainings are computed together`() async throws {
    let models = try models()
    let both = users(of: models[0], 0..<4)
    let registry = trainings(models[0], models[1])
    let leases = try models.map { try registry.lease($0.fingerprints.space, field: "f") }
    let jobs = try both.enumerated().map { index, user in
      try LLMReader(training: leases[index % 2], limits: LLMLimits()).job(
        user, path: "user",
        .init(outputs: [.userVector, .hiddenState, .spaceVectors], cacheScope: try CacheScope("", field: "s")))
    }
    let mixed = try await encoded(jobs, by: registry)
    for (training, model) in models.enumerated() {
      let own = trainings(model)
      let lease = try own.lease("", field: "f")
      var alone: [EncodedUser] = []
      for user in both {
        let job = try LLMReader(training: lease, limits: LLMLimits()).job(
          user, path: "user", .init(outputs: jobs[0].outputs, cacheScope: try CacheScope("", field: "s")))
        alone += try await encoded([job], by: own)
      }
      for index in [training, training + 2] {
        #expect(mixed[index].hiddenState == alone[index].hiddenState)
        #expect(mixed[index].userVector == alone[index].userVector)
        #expect(mixed[index].spaceVectors.map(\.vector) == alone[index].spaceVectors.map(\.vector))
      }
      #expect(mixed[1 - training].hiddenState != alone[1 - training].hiddenState)
    }
  }

  /// What comes of one batch.
  private func encoded(_ jobs: [EncodingJob], by trainings: LLMTrainings) async throws -> [EncodedUser] {
    let server = try LLMServer(trainings: trainings, limits: LLMLimits(), logger: .silent)
    let outcomes = try await server.batcher.submit(contentsOf: jobs.map { ($0, $0.cost) })
    await server.shutdown()
    return try outcomes.map { outcome in
      #expect(try outcome.get().timing.batchSize == jobs.count)
      return try outcome.get().value
    }
  }
}
