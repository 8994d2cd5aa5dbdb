// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import GRPCCore
import GRPCInProcessTransport
import GRPCTransport
import Logging
import ServiceAPI
import ServiceLifecycleTestKit
import ServiceTestSupport
import SwiftProtobuf
import Synchronization
import TestSupport
import Testing

@testable import ServiceSupport

@Suite("A service is run and drained", .timeLimit(.minutes(60))) struct ServiceRunnerTests {
  private typealias Client = LLM_LLMService.Client
  private typealias Health = Grpc_Health_V1_Health.Client

  private let directory: TemporaryDirectory
  private var portFile: String { directory.file("port") }

  init() throws { directory = try TemporaryDirectory() }

  private func settings(_ flags: [String] = []) throws -> ServiceSettings {
    let quick = ["--shutdown-grace", "0.05", "--drain-timeout", "600", "--port-file", portFile]
    return try ServiceOptions.parse(quick + flags).resolve(defaultPort: 50052)
  }

  /// Serves until the body asks for the shutdown; returns when the server has ended.
  private func serve(
    _ service: ScriptedService, settings: ServiceSettings, record: LogRecord = LogRecord(),
    onShutdown: @escaping @Sendable () async -> Void = {},
    _ body: (GRPCClient<InProcessTransport.Client>, _ shutDown: @Sendable () -> Void) async throws -> Void
  ) async throws {
    let transport = InProcessTransport()
    try await testGracefulShutdown { trigger in
      try await withRunningClient(transport: transport.client) { client in
        async let end: Void = ServiceRunner.serve(
          ServiceParts(services: [service], onShutdown: onShutdown), on: transport.server, boundPort: 4711,
          settings: settings, logger: record.logger, signals: false)
        try await body(client) { trigger.triggerGracefulShutdown() }
        try await end
      }
    }
  }

  @Test func `A service serves, then drains, then ends its threads`() async throws {
    // On a busy machine the grace may pass before health is asked: then it is made longer.
    var grace = 0.05
    while try await !tellsWithinTheGrace(grace) { grace *= 2 }
  }

  /// Serves, drains and ends; false when no request was taken any more once health could be asked.
  private func tellsWithinTheGrace(_ grace: Double) async throws -> Bool {
    let hasTold = Atomic(false)
    let shutDownCalls = Atomic(0)
    let handling = AsyncStream.makeStream(of: Void.self)
    let finish = AsyncStream.makeStream(of: Void.self)
    let service = ScriptedService { request, _ in
      guard request.requestID == "slow" else { return }
      handling.continuation.yield()
      for await _ in finish.stream { return }
    }
    let onShutdown: @Sendable () async -> Void = { shutDownCalls.add(1, ordering: .relaxed) }
    let settings = try settings(["--shutdown-grace", "\(grace)"])
    try await serve(service, settings: settings, onShutdown: onShutdown) { client, shutDown in
      let health = Health(wrapping: client)
      while try await health.check(.init()).status != .serving {}
      #expect(try await health.check(.with { $0.service = "illmrec.llm.v1.LLMService" }).status == .serving)
      try await waitUntil { FileManager.default.fileExists(atPath: portFile) }
      #expect(try String(contentsOfFile: portFile, encoding: .utf8) == "4711\n")

      async let slow = Client(wrapping: client).encodeUsers(.with { $0.requestID = "slow" })
      for await _ in handling.stream { break }
      shutDown()
      // Within the grace, requests are still taken and health says that they should go elsewhere.
      do {
        while try await health.check(.init()).status == .serving {}
        hasTold.store(true, ordering: .relaxed)
      } catch is RPCError {}
      #expect(shutDownCalls.load(ordering: .relaxed) == 0)
      finish.continuation.yield()
      #expect(try await slow.requestID == "slow")
    }
    let calls = shutDownCalls.load(ordering: .relaxed)
    #expect(calls == 1)
    try FileManager.default.removeItem(atPath: portFile)
    return hasTold.load(ordering: .relaxed)
  }

  @Test func `What outlives the drain timeout is cancelled`() async throws {
    let handling = AsyncStream.makeStream(of: Void.self)
    let service = ScriptedService { _, _ in
      handling.continuation.yield()
      try await Task.sleep(for: .seconds(600))
    }
    let record = LogRecord()
    try await serve(service, settings: settings(["--drain-timeout", "0.1"]), record: record) { client, shutDown in
      async let stuck = #expect(throws: RPCError.self) { try await Client(wrapping: client).encodeUsers(.init()) }
      for await _ in handling.stream { break }
      shutDown()
      _ = await stuck
    }
    #expect(record.lines.contains { $0.message.contains("drain timeout") && $0.level == .warning })
    #expect(record.lines.last?.message == "stopped")
  }

  @Test func `A watcher does not hold the server up`() async throws {
    let settings = try settings(["--drain-timeout", "600"])
    try await serve(ScriptedService(), settings: settings) { client, shutDown in
      let first = AsyncStream.makeStream(of: Void.self)
      async let watch = #expect(throws: RPCError.self) {
        try await Health(wrapping: client).watch(.init()) { response in
          for try await _ in response.messages { first.continuation.yield() }
        }
      }
      for await _ in first.stream { break }
      shutDown()
      #expect(await watch?.code == .unavailable)
    }
  }

  @Test func `A port file that cannot be written stops the service`() async throws {
    let settings = try settings(["--port-file", "/nowhere/port"])
    let error = await #expect(throws: SettingsError.self) {
      try await serve(ScriptedService(), settings: settings) { _, _ in }
    }
    #expect(error?.message.hasPrefix("cannot write the port file /nowhere/port: ") == true)
  }
}
