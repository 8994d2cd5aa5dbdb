// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import GRPCCore
import GRPCTransport
import ServiceAPI
import ServiceSupport

/// Where the services listen by default, as `illmrec up` starts them.
enum DefaultTarget {
  static let gateway = "127.0.0.1:50050"
  static let encoder = "127.0.0.1:50051"
  static let llm = "127.0.0.1:50052"
  static let retrieval = "127.0.0.1:50053"
}

/// `--encoder`
struct EncoderTarget: ParsableArguments {
  @Option(
    help: ArgumentHelp("The encoder service, as gRPC names a target.", valueName: "target"), transform: NonEmpty.text)
  var encoder = DefaultTarget.encoder
}

/// `--llm`
struct LLMTarget: ParsableArguments {
  @Option(help: ArgumentHelp("The LLM service, as gRPC names a target.", valueName: "target"), transform: NonEmpty.text)
  var llm = DefaultTarget.llm
}

/// `--retrieval`
struct RetrievalTarget: ParsableArguments {
  @Option(
    help: ArgumentHelp("The retrieval service, as gRPC names a target.", valueName: "target"), transform: NonEmpty.text)
  var retrieval = DefaultTarget.retrieval
}

/// `--gateway`
struct GatewayTarget: ParsableArguments {
  @Option(help: ArgumentHelp("The gateway, as gRPC names a target.", valueName: "target"), transform: NonEmpty.text)
  var gateway = DefaultTarget.gateway
}

/// Runs `body` with a client of `target`; a failure to reach it says what to start.
func withService<Value: Sendable>(
  _ name: String, at target: String, _ body: @Sendable (GRPCClient<CGrpcClientTransport>) async throws -> Value
) async throws -> Value {
  do {
    return try await withClient(target: target, options: ServiceConnections.options()) { try await body($0) }
  } catch let error as RPCError {
    throw ServiceCallError.describe(error, name: name, target: target)
  }
}

/// What an RPC's failure means to somebody at a terminal.
enum ServiceCallError {
  static func describe(_ error: RPCError, name: String, target: String) -> CLIError {
    var message = "the \(name) at \(target): \(error.summary)"
    if error.code == .unavailable, error.reason == nil {
      message += "; is it running? `illmrec up --checkpoint DIR` starts the services"
    }
    return CLIError(.service, message, cause: error)
  }
}
