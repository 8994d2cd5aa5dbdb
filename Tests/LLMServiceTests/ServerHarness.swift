import GRPCCore
import GRPCInProcessTransport
import GRPCTransport
import Glibc
import Logging
import Models
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import Synchronization

@testable import LLMService

typealias Client = LLM_LLMService.Client<InProcessTransport.Client>
typealias UserPrompt = LLM_UserPrompt
typealias UserResult = LLM_UserResult

/// Serves `model` in this process and runs `body` with a client.
func withServer<Value: Sendable>(
  _ model: some UserEncoder, limits: RequestLimits = RequestLimits(),
  _ body: (_ client: Client, _ server: LLMServer) async throws -> Value
) async throws -> Value {
  let logger = Logger(service: "test", level: .critical)
  let server = try LLMServer(model: model, name: "test-model", version: "7", limits: limits, logger: logger)
  let transport = InProcessTransport()
  let value = try await withGRPCServer(
    transport: transport.server, services: [server], interceptors: [RPCObserver(logger: logger)]
  ) { _ in
    try await withGRPCClient(transport: transport.client) { try await body(Client(wrapping: $0), server) }
  }
  await server.shutdown()
  return value
}

/// As ``withServer(_:limits:_:)`` over a connection: the transport within a process does not tell the server that a caller left.
func withNetworkServer<Value: Sendable>(
  _ model: some UserEncoder,
  _ body: (_ client: LLM_LLMService.Client<CGrpcClientTransport>, _ server: LLMServer) async throws -> Value
) async throws -> Value {
  let logger = Logger(service: "test", level: .critical)
  let server = try LLMServer(
    model: model, name: "test-model", version: "7", limits: RequestLimits(), logger: logger)
  let transport = try CGrpcServerTransport(address: "127.0.0.1:0")
  let target = "127.0.0.1:\(transport.boundPort ?? 0)"
  let value = try await withGRPCServer(
    transport: transport, services: [server], interceptors: [RPCObserver(logger: logger)]
  ) { _ in
    try await withClient(target: target, options: ClientOptions(followsHealth: false)) {
      try await body(.init(wrapping: $0), server)
    }
  }
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

/// A number that tasks and threads count up.
final class Counter: Sendable {
  private let count = Atomic(0)

  var value: Int { count.load(ordering: .acquiring) }
  func increment() { count.add(1, ordering: .releasing) }
}

/// Holds the calling thread, not a task, until the condition is true.
func block(until condition: () -> Bool) {
  while !condition() { usleep(200) }
}

/// Polls a condition that another thread makes true; the suite's time limit ends a wait in vain.
func waitUntil(_ condition: () -> Bool) async throws {
  while !condition() { try await Task.sleep(for: .milliseconds(1)) }
}
