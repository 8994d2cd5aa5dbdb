// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import GRPCInProcessTransport
import ModelServing
import ServiceAPI
import ServiceSupport
import ServiceTestSupport
import SwiftProtobuf
import TestSupport
import Testing

@testable import LLMService

@Suite("A training that index versions need is not taken out", .timeLimit(.minutes(60))) struct TrainingUseTests {
  private static let versions = ScriptedVersions(versions: [
    ScriptedVersions.version("default/versions/1", by: "c"),
    ScriptedVersions.version("default/versions/2", by: "b", .previous),
    ScriptedVersions.version("default/versions/3", by: "a", .stable),
    ScriptedVersions.version("films/versions/7", by: "b", .stable),
    ScriptedVersions.version("films/versions/8", by: "b", .canary),
  ])

  /// Serves the trainings a, which is the default, b and c.
  private func withServer(
    asking retrieval: String?, _ body: (AdminClient, LLMTrainings) async throws -> Void
  ) async throws {
    let registry = trainings(ScriptedEncoder(space: "a"), ScriptedEncoder(space: "b"), ScriptedEncoder(space: "c"))
    var configuration = TrainingsConfiguration(retrieval: retrieval)
    // The machine may be busy.
    configuration.answerTime = .seconds(600)
    let admin = try TrainingAdminServer(
      registry, configuration, frozenFingerprint: "f", logger: .silent
    ) { _, _ in throw CancellationError() }
    try await withServicesInProcess([admin]) { try await body(AdminClient(wrapping: $0), registry) }
    await admin.shutdown()
  }

  private func unload(
    _ space: String, _ admin: AdminClient, force: Bool = false
  ) async throws -> Training_UnloadTrainingResponse {
    try await admin.unloadTraining(
      .with {
        $0.spaceFingerprint = space
        $0.force = force
      })
  }

  private func refusal(of space: String, _ admin: AdminClient, force: Bool = false) async -> RPCError? {
    let error = await #expect(throws: RPCError.self) { try await unload(space, admin, force: force) }
    #expect(error?.code == .failedPrecondition && error?.violation?.field == "space_fingerprint")
    return error
  }

  @Test func `What answers, is rolled out or is kept for going back keeps its training`() async throws {
    try await Self.versions.serve { target in
      try await withServer(asking: target) { admin, registry in
        let error = await refusal(of: "b", admin)
        #expect(error?.reason == "TRAINING_IN_USE")
        for part in [
          "default/versions/2 is kept for going back", "films/versions/7 answers",
          "films/versions/8 is being rolled out",
          "illmrec training unload --force",
        ] { #expect(error?.message.contains(part) == true, "\(error?.message ?? "")") }
        #expect(error?.message.contains("default/versions/3") == false)
        #expect(registry.standing(of: "b")?.isUnloading == false)
        let unneeded = try await unload("c", admin)
        #expect(unneeded.asked == target && registry.count == 2)
      }
    }
  }

  @Test func `It is taken out by force, but for the default`() async throws {
    try await Self.versions.serve { target in
      try await withServer(asking: target) { admin, registry in
        #expect(await refusal(of: "a", admin, force: true)?.reason == "TRAINING_IS_DEFAULT")
        #expect(await refusal(of: "a", admin)?.reason == "TRAINING_IS_DEFAULT")
        let forced = try await unload("b", admin, force: true)
        #expect(forced.asked.isEmpty && registry.standing(of: "b") == nil)
        #expect(await refusal(of: "b", admin)?.reason == "TRAINING_NOT_LOADED")
      }
    }
  }

  @Test func `Where nobody can tell, nothing is taken out without force`() async throws {
    try await withServer(asking: "127.0.0.1:1") { admin, registry in
      let error = await refusal(of: "c", admin)
      #expect(error?.reason == "TRAINING_UNVERIFIED" && error?.message.contains("127.0.0.1:1") == true)
      #expect(registry.standing(of: "c") != nil)
      let forced = try await unload("c", admin, force: true)
      #expect(forced.asked.isEmpty && registry.standing(of: "c") == nil)
    }
  }

  @Test func `A service that is told of no retrieval service checks the default alone, and says so`() async throws {
    try await withServer(asking: nil) { admin, _ in
      let unloaded = try await unload("b", admin)
      #expect(unloaded.asked.isEmpty)
      #expect(await refusal(of: "a", admin)?.reason == "TRAINING_IS_DEFAULT")
    }
  }
}
