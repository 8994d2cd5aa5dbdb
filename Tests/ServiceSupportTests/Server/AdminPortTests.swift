// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import GRPCCore
import GRPCInProcessTransport
import Logging
import ServiceAPI
import ServiceLifecycleTestKit
import ServiceTestSupport
import SwiftProtobuf
import TestSupport
import Testing

@testable import ServiceSupport

@Suite("Administration has a port of its own on request", .timeLimit(.minutes(60))) struct AdminPortTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private struct Trainings: Training_TrainingAdminService.SimpleServiceProtocol {
    func loadTraining(
      request: Training_LoadTrainingRequest, context: ServerContext
    ) async throws -> Training_LoadTrainingResponse { .init() }

    func unloadTraining(
      request: Training_UnloadTrainingRequest, context: ServerContext
    ) async throws -> Training_UnloadTrainingResponse { .init() }

    func listTrainings(
      request: Training_ListTrainingsRequest, context: ServerContext
    ) async throws -> Training_ListTrainingsResponse { .init() }
  }

  private func settings(_ flags: String...) throws -> ServiceSettings {
    try ServiceOptions.parse(["--shutdown-grace", "0.05"] + flags).resolve(defaultPort: 50052)
  }

  /// The codes of a service's call and of an administrative one, and how health calls both services.
  private func codes(
    _ client: GRPCClient<InProcessTransport.Client>
  ) async throws -> (service: RPCError.Code?, admin: RPCError.Code?, knows: [Bool]) {
    func code(_ call: () async throws -> Void) async -> RPCError.Code? {
      do {
        try await call()
        return nil
      } catch {
        return (error as? RPCError)?.code ?? .unknown
      }
    }
    let service = await code { _ = try await LLM_LLMService.Client(wrapping: client).countTokens(.init()) }
    let admin = await code {
      _ = try await Training_TrainingAdminService.Client(wrapping: client).listTrainings(.init())
    }
    var knows: [Bool] = []
    for name in ["illmrec.llm.v1.LLMService", "illmrec.training.v1.TrainingAdminService"] {
      let known = await code {
        _ = try await Grpc_Health_V1_Health.Client(wrapping: client).check(.with { $0.service = name })
      }
      knows.append(known == nil)
    }
    return (service, admin, knows)
  }

  private func serve(
    withAdmin: Bool, _ flags: String...,
    body: (GRPCClient<InProcessTransport.Client>, GRPCClient<InProcessTransport.Client>) async throws -> Void
  ) async throws {
    let (transport, admin) = (InProcessTransport(), InProcessTransport())
    let settings = try ServiceOptions.parse(["--shutdown-grace", "0.05"] + flags).resolve(defaultPort: 50052)
    let parts = ServiceParts(services: [ScriptedService()], administration: [Trainings()])
    try await testGracefulShutdown { trigger in
      try await withGRPCClient(transport: transport.client) { client in
        try await withGRPCClient(transport: admin.client) { adminClient in
          async let end: Void = ServiceRunner.serve(
            parts, on: transport.server, boundPort: 1, admin: withAdmin ? (admin.server, 4712) : nil,
            settings: settings, logger: .silent, signals: false)
          try await body(client, adminClient)
          trigger.triggerGracefulShutdown()
          try await end
        }
      }
    }
  }

  @Test func `The other port has administration no more`() async throws {
    let file = directory.file("admin-port")
    try await serve(withAdmin: true, "--admin-port-file", file) { client, admin in
      try await waitUntil { directory.text("admin-port") == "4712\n" }
      let (open, administrative) = (try await codes(client), try await codes(admin))
      #expect(open.service == nil && open.admin == .unimplemented && open.knows == [true, false])
      #expect(administrative.service == nil && administrative.admin == nil, "one target for who needs both")
      #expect(administrative.knows == [true, true])
    }
  }

  @Test func `Without it both are on one`() async throws {
    try await serve(withAdmin: false) { client, _ in
      let all = try await codes(client)
      #expect(all.service == nil && all.admin == nil && all.knows == [true, true])
    }
  }

  @Test func `Its address is held to the same rules`() throws {
    #expect(try settings("--admin-port", "0").adminAddress == "127.0.0.1:0")
    #expect(try settings("--admin-port", "7", "--admin-host", "::1").adminAddress == "[::1]:7")
    #expect(try settings().adminAddress == nil)
    let open = #expect(throws: ValidationError.self) { try settings("--admin-port", "7", "--admin-host", "0.0.0.0") }
    #expect(open?.message.hasPrefix("--admin-host 0.0.0.0 can be reached from other machines") == true)
    let unix = #expect(throws: ValidationError.self) { try settings("--host", "unix:/tmp/x.sock", "--admin-port", "7") }
    #expect(unix?.message.contains("give --admin-host an IP address") == true)
  }
}
