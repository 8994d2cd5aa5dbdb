// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import GRPCTransport
import ServiceAPI
import SwiftProtobuf
import Testing

@testable import ServiceSupport

/// Clients against servers over real connections.
@Suite("Clients call servers over real connections", .timeLimit(.minutes(60))) struct ClientTests {
  private typealias Client = LLM_LLMService.Client

  private func withNetworkServer<Value: Sendable>(
    health: HealthService, _ body: (_ target: String) async throws -> Value
  ) async throws -> Value {
    let transport = try CGrpcServerTransport(address: "127.0.0.1:0")
    let target = "127.0.0.1:\(try #require(transport.boundPort))"
    return try await withGRPCServer(transport: transport, services: [ScriptedService(), health]) { _ in
      defer { health.endWatches() }
      return try await body(target)
    }
  }

  @Test func `Calls go through`() async throws {
    let health = HealthService(services: [.llm_LLMService])
    health.setServing(true)
    try await withNetworkServer(health: health) { target in
      try await withClient(target: target) { client in
        _ = try await Client(wrapping: client).encodeUsers(.init())
        let status = try await Grpc_Health_V1_Health.Client(wrapping: client).check(.init()).status
        #expect(status == .serving)
      }
    }
  }

  @Test func `Nothing is sent to a server that says not serving`() async throws {
    let health = HealthService(services: [.llm_LLMService])
    try await withNetworkServer(health: health) { target in
      var options = ClientOptions(waitForReady: true)
      try await withClient(target: target, options: options) { client in
        var callOptions = CallOptions.defaults
        callOptions.timeout = .milliseconds(300)
        let error = await #expect(throws: RPCError.self) {
          try await Client(wrapping: client).encodeUsers(.init(), options: callOptions)
        }
        #expect(error?.code == .deadlineExceeded)
        health.setServing(true)
        _ = try await Client(wrapping: client).encodeUsers(.init())
      }
      health.setServing(false)
      options.followsHealth = false
      try await withClient(target: target, options: options) { client in
        _ = try await Client(wrapping: client).encodeUsers(.init())
      }
    }
  }

  @Test func `An unreachable server is unavailable`() async throws {
    // Port 1 of this host is nobody's.
    try await withClient(target: "127.0.0.1:1") { client in
      let error = await #expect(throws: RPCError.self) { try await Client(wrapping: client).encodeUsers(.init()) }
      #expect(error?.code == .unavailable)
      let serviceConfig = ServiceConfig.client(waitForReady: false)
      #expect(serviceConfig.loadBalancingConfig == [.roundRobin])
    }
  }

  @Test func `Only unary calls are retried`() {
    let configs = ServiceConfig.client(waitForReady: true).methodConfig
    let retried = configs.filter { $0.executionPolicy != nil }.flatMap(\.names)
    #expect(retried.contains { $0.service == "illmrec.llm.v1.LLMService" && $0.method == "EncodeUsers" })
    #expect(!retried.contains { $0.method.hasPrefix("Stream") || $0.method == "Watch" || $0.method == "CreateVersion" })
    #expect(configs.allSatisfy { $0.waitForReady == true })
  }
}
