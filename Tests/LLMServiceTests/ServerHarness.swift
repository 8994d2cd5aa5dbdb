// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import GRPCInProcessTransport
import GRPCTransport
import Glibc
import Logging
import ModelServing
import Models
import ServiceAPI
import ServiceSupport
import ServiceTestSupport
import SwiftProtobuf
import Synchronization

@testable import LLMService

typealias Client = LLM_LLMService.Client<InProcessTransport.Client>
typealias UserPrompt = LLM_UserPrompt
typealias UserResult = LLM_UserResult

/// `model` as the only training, or the default of several.
func trainings(_ model: any LLMModel, _ others: any LLMModel...) -> LLMTrainings {
  let registry = LLMTrainings(
    default: LoadedTraining(LoadedModel(model, model.fingerprints), name: "test-model", version: "7"))
  for (index, other) in others.enumerated() {
    _ = registry.add(
      LoadedTraining(LoadedModel(other, other.fingerprints), name: "other-model", version: "\(8 + index)"))
  }
  return registry
}

/// Serves `model` in this process and runs `body` with a client.
func withServer<Value: Sendable>(
  _ model: some LLMModel, limits: LLMLimits = LLMLimits(), access: AccessControl? = nil,
  _ body: (_ client: Client, _ server: LLMServer) async throws -> Value
) async throws -> Value {
  try await withServer(trainings(model), limits: limits, access: access, body)
}

/// As the other, with several trainings.
func withServer<Value: Sendable>(
  _ trainings: LLMTrainings, limits: LLMLimits = LLMLimits(), access: AccessControl? = nil,
  _ body: (_ client: Client, _ server: LLMServer) async throws -> Value
) async throws -> Value {
  let server = try LLMServer(trainings: trainings, limits: limits, logger: .silent)
  let value = try await withServicesInProcess([server], access: access) { try await body(Client(wrapping: $0), server) }
  await server.shutdown()
  return value
}

/// As ``withServer(_:limits:_:)`` over a connection: the transport within a process does not tell the server that a caller left.
func withNetworkServer<Value: Sendable>(
  _ model: some LLMModel,
  _ body: (_ client: LLM_LLMService.Client<CGrpcClientTransport>, _ server: LLMServer) async throws -> Value
) async throws -> Value {
  let server = try LLMServer(trainings: trainings(model), limits: LLMLimits(), logger: .silent)
  let value = try await withServicesOverLoopback([server]) { try await body(.init(wrapping: $0), server) }
  await server.shutdown()
  return value
}

/// A user with one item per (title, soft token).
func user(_ id: String, _ items: (String, [Float])...) -> UserPrompt {
  .with {
    $0.userID = id
    $0.history.items = items.map { title, token in
      .with {
        $0.itemID = title
        $0.title = title
        $0.softToken = .init(token)
      }
    }
  }
}

extension UserResult {
  var vector: [Float]? { try? userVector.floats(field: "user_vector", shape: [nil]) }
}
