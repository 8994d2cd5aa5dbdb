// SPDX-License-Identifier: Apache-2.0

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

@Suite("A training goes with its last request", .timeLimit(.minutes(60))) struct TrainingRegistryTests {
  /// The request has begun before the training is taken out: it is answered, and only then is the training gone.
  @Test func `Taking a training out waits for the last request that uses it`() async throws {
    let gate = Gate()
    let held = ScriptedEncoder(space: "b") { _, _ in gate.pass() }
    let server = try LLMServer(
      trainings: trainings(ScriptedEncoder(), held), limits: LLMLimits(), logger: .silent)
    let admin = try TrainingAdminServer(
      server.trainings, TrainingsConfiguration(), frozenFingerprint: "f", logger: .silent
    ) { _, _ in throw CancellationError() }
    try await withServicesInProcess([server, admin]) { client in
      let (users, admin) = (Client(wrapping: client), AdminClient(wrapping: client))
      let request = LLM_EncodeUsersRequest.with {
        $0.users = [user("u", ("a", [1, 2, 3, 4]))]
        $0.expectedSpaceFingerprint = "b"
      }
      let isUnloaded = Counter()
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          let answer = try await users.encodeUsers(request)
          #expect(answer.model.spaceFingerprint == "b" && answer.results[0].vector == [1, 2])
        }
        try await gate.waitForArrivals()
        for _ in 0..<2 {
          group.addTask {
            let answer = try await admin.unloadTraining(.with { $0.spaceFingerprint = "b" })
            #expect(answer.training.state == .unloading && answer.training.requestsInProgress == 0)
            isUnloaded.increment()
          }
        }
        try await waitUntil {
          let trainings = try await admin.listTrainings(.init()).trainings
          return trainings.count == 2 && trainings[1].state == .unloading && trainings[1].requestsInProgress == 1
        }
        let error = await #expect(throws: RPCError.self) { try await users.encodeUsers(request) }
        #expect(error?.reason == "TRAINING_NOT_LOADED" && error?.message.contains("being unloaded") == true)
        #expect(isUnloaded.value == 0)
        gate.open()
        try await group.waitForAll()
      }
      #expect(isUnloaded.value == 2)
      #expect(try await admin.listTrainings(.init()).trainings.map(\.model.name) == ["test-model"])
    }
    await admin.shutdown()
    await server.shutdown()
  }

  @Test func `A training may be loaded again while its last request runs`() async throws {
    let registry = trainings(ScriptedEncoder(), ScriptedEncoder(space: "b"))
    var lease: LLMTraining? = try registry.lease("b", field: "f")
    let task = Task { try await registry.unload("b", field: "f") }
    try await waitUntil { registry.standing(of: "b") == nil }
    let again = ScriptedEncoder(space: "b")
    let training = LoadedTraining(
      LoadedModel(again as any LLMModel, again.fingerprints), name: "again", version: "1")
    #expect(registry.add(training) === training)
    #expect(try registry.lease("b", field: "f").identity.name == "again")
    #expect(registry.count == 3 && lease?.identity.name == "other-model")
    lease = nil
    #expect(try await task.value.training.identity.name == "other-model")
    #expect(registry.count == 2 && registry.standing(of: "b")?.training === training)
  }

  @Test func `Whoever waits no longer changes nothing of it`() async throws {
    let registry = trainings(ScriptedEncoder(), ScriptedEncoder(space: "b"))
    var lease: LLMTraining? = try registry.lease("b", field: "f")
    let task = Task { try await registry.unload("b", field: "f") }
    try await waitUntil { registry.standing(of: "b") == nil }
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
    #expect(registry.count == 2 && lease != nil)
    lease = nil
    #expect(registry.count == 1)
  }

  @Test func `A training that goes takes its memory along`() async throws {
    weak var gone: ScriptedEncoder?
    let registry: LLMTrainings
    do {
      let model = ScriptedEncoder(space: "b")
      gone = model
      registry = trainings(ScriptedEncoder(), model)
    }
    #expect(gone != nil)
    _ = try await registry.unload("b", field: "f")
    #expect(gone == nil)
  }

  @Test func `Two checkpoints of one training are refused at the start`() throws {
    let checkpoints = try ModelConfiguration(
      Settings(keys: ModelSettings.keys, environment: ["ILLMREC_CHECKPOINT": "a,b"]).read(ModelSettings.self)
    ).checkpoints
    #expect(checkpoints.map(\.directory) == ["a", "b"])
    let error = #expect(throws: ModelError.self) {
      _ = try LLMTrainings(checkpoints) { _ in
        let model: any LLMModel = ScriptedEncoder()
        return LoadedModel(model, model.fingerprints)
      }
    }
    #expect(error?.message.hasPrefix("b is a training that another --checkpoint names too") == true)
  }
}
