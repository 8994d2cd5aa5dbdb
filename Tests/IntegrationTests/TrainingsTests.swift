// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import GRPCCore
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import TestSupport
import Testing

@testable import CLI

/// Trainings over four processes, as a person brings them in.
@Suite("Trainings come and go beside what the services serve", .timeLimit(.minutes(60))) struct TrainingsTests {
  private let directory: TemporaryDirectory

  init() throws {
    directory = try TemporaryDirectory()
    for (index, name) in ["second", "third"].enumerated() {
      try TestShop.writeTraining(to: directory.file(name), seed: UInt64(index + 1))
    }
  }

  @Test func `Both services hold two from the start, and a third from the command`() async throws {
    var stack = try TestShop.stack()
    stack.furtherCheckpoints = [directory.file("second")]
    stack.trainings = directory.path
    let state = stack.state
    defer { try? FileManager.default.removeItem(atPath: state) }
    try await ServiceStack.run(stack) { endpoints in
      let targets = ["--encoder", endpoints.encoder, "--llm", endpoints.llm]
      try await withClient(target: endpoints.encoder) { client in
        _ = try await client.encoder.encodeImages(
          .with {
            $0.items = try (0..<4).map(TestShop.item)
            $0.store = true
          })
      }
      #expect(try await Self.spaces(endpoints).count == 2)
      try await TrainingLoadCommand.parse(["third"] + targets).perform()
      let spaces = try await Self.spaces(endpoints)
      #expect(Set(spaces).count == 3)
      var vectors: Set<[Float]> = []
      for space in spaces { vectors.insert(try await Self.userVector(endpoints, of: space)) }
      #expect(vectors.count == 3)

      try await TrainingLoadCommand.parse(["third", "--default"] + targets).perform()
      #expect(try await Self.spaces(endpoints) == [spaces[2], spaces[0], spaces[1]])
      try await TrainingUnloadCommand.parse(["second"] + targets).perform()
      #expect(try await Self.spaces(endpoints) == [spaces[2], spaces[0]])
      // The stable version's training stays, unless it is forced.
      _ = try await IndexPublication(
        index: "default", labels: [:], encoder: endpoints.encoder, retrieval: endpoints.retrieval, training: spaces[0]
      ).run()
      let refused = await #expect(throws: CLIError.self) {
        try await TrainingUnloadCommand.parse([spaces[0]] + targets).perform()
      }
      #expect(refused?.message.contains("TRAINING_IN_USE") == true)
      #expect(refused?.message.contains("default/versions/1 answers") == true)
      #expect(try await Self.spaces(endpoints) == [spaces[2], spaces[0]])
      try await TrainingUnloadCommand.parse([spaces[0], "--force"] + targets).perform()
      #expect(try await Self.spaces(endpoints) == [spaces[2]])
      try await TrainingListCommand.parse(targets).perform()
      let error = await #expect(throws: RPCError.self) { try await Self.userVector(endpoints, of: spaces[1]) }
      #expect(error?.reason == "TRAINING_NOT_LOADED")
      let outside = await #expect(throws: CLIError.self) {
        try await TrainingLoadCommand.parse(["../elsewhere"] + targets).perform()
      }
      #expect(outside?.message.contains("TRAINING_OUTSIDE") == true)
    }
  }

  @Test func `What a command loaded is there after a restart`() async throws {
    var stack = try TestShop.stack()
    stack.trainings = directory.path
    let state = stack.state
    defer { try? FileManager.default.removeItem(atPath: state) }
    let before = try await ServiceStack.run(stack) { endpoints in
      let targets = ["--encoder", endpoints.encoder, "--llm", endpoints.llm]
      try await TrainingLoadCommand.parse(["second"] + targets).perform()
      try await TrainingLoadCommand.parse(["third", "--default"] + targets).perform()
      return try await Self.spaces(endpoints)
    }
    let after = try await ServiceStack.run(stack) { try await Self.spaces($0) }
    #expect(Set(after) == Set(before) && after.count == 3 && after.first == before.first)
  }

  /// What both services hold, the default first; they hold the same.
  private static func spaces(_ endpoints: ServiceEndpoints) async throws -> [String] {
    var lists: [[String]] = []
    for target in [endpoints.encoder, endpoints.llm] {
      lists.append(
        try await withClient(target: target) {
          try await TrainingAdmin(wrapping: $0).listTrainings(.init()).trainings.map(\.model.spaceFingerprint)
        })
    }
    #expect(lists[0] == lists[1])
    return lists[0]
  }

  /// Through both services by one training.
  private static func userVector(_ endpoints: ServiceEndpoints, of space: String) async throws -> [Float] {
    let looked = try await withClient(target: endpoints.encoder) { client in
      try await client.encoder.lookupItems(
        .with {
          $0.itemIds = (0..<3).map(TestShop.itemID)
          $0.outputs = [.softToken]
          $0.draft = true
          $0.spaceFingerprint = space
        })
    }
    #expect(looked.model.spaceFingerprint == space)
    let users = try await withClient(target: endpoints.llm) { client in
      try await client.llm.encodeUsers(
        .with {
          $0.expectedSpaceFingerprint = looked.model.spaceFingerprint
          $0.users = [
            .with { user in
              user.history.items = looked.items.map { item in
                .with {
                  $0.title = item.metadata.title
                  $0.softToken = item.result.softToken
                }
              }
            }
          ]
        })
    }
    #expect(users.model.spaceFingerprint == space)
    return try users.results[0].userVector.floats(field: "v", shape: [nil])
  }
}
