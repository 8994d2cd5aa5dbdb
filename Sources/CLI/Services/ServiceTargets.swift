// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import GRPCCore
import GRPCTransport
import ServiceAPI
import ServiceSupport

/// A service that commands call: by the flag, by its variable where that is not given, or where `illmrec up` starts it.
enum CalledService: String, CaseIterable {
  case gateway, encoder, llm, retrieval

  /// In sentences, with its article.
  var name: String {
    switch self {
    case .gateway: "the gateway"
    case .encoder: "the encoder service"
    case .llm: "the LLM service"
    case .retrieval: "the retrieval service"
    }
  }

  var defaultTarget: String {
    switch self {
    case .gateway: "127.0.0.1:50050"
    case .encoder: "127.0.0.1:50051"
    case .llm: "127.0.0.1:50052"
    case .retrieval: "127.0.0.1:50053"
    }
  }

  var help: ArgumentHelp {
    ArgumentHelp(
      "\(name.prefix(1).uppercased())\(name.dropFirst()), as gRPC names a target. "
        + OptionVariable.note(rawValue, default: defaultTarget), valueName: "target")
  }

  /// How an option takes a target: nothing is asked of another port than the one that was typed.
  static func target(_ argument: String) throws -> String {
    do {
      try ClientTarget.check(argument)
    } catch {
      throw ValidationError("It is no target: \(error.message)")
    }
    return argument
  }

  /// - Parameter flag: what the option was given.
  func target(_ flag: String?, _ environment: [String: String]) throws(SettingsError) -> String {
    if let flag { return flag }
    guard let target = try OptionVariable.value(rawValue, environment) else { return defaultTarget }
    do {
      try ClientTarget.check(target)
    } catch {
      throw SettingsError("\(EnvironmentVariables.name(of: rawValue)): \(error.message)", isUsage: true)
    }
    return target
  }

  /// Of an option that was checked.
  fileprivate func checkedTarget(_ flag: String?) -> String {
    (try? target(flag, ProcessInfo.processInfo.environment)) ?? defaultTarget
  }

  fileprivate func check(_ flag: String?) throws {
    do {
      _ = try target(flag, ProcessInfo.processInfo.environment)
    } catch {
      throw ValidationError(error.message)
    }
  }
}

/// `--encoder`
struct EncoderTarget: ParsableArguments {
  @Option(name: .customLong("encoder"), help: CalledService.encoder.help, transform: CalledService.target)
  var given: String?

  var encoder: String { CalledService.encoder.checkedTarget(given) }

  func validate() throws { try CalledService.encoder.check(given) }
}

/// `--llm`
struct LLMTarget: ParsableArguments {
  @Option(name: .customLong("llm"), help: CalledService.llm.help, transform: CalledService.target)
  var given: String?

  var llm: String { CalledService.llm.checkedTarget(given) }

  func validate() throws { try CalledService.llm.check(given) }
}

/// `--retrieval`
struct RetrievalTarget: ParsableArguments {
  @Option(name: .customLong("retrieval"), help: CalledService.retrieval.help, transform: CalledService.target)
  var given: String?

  var retrieval: String { CalledService.retrieval.checkedTarget(given) }

  func validate() throws { try CalledService.retrieval.check(given) }
}

/// `--gateway`
struct GatewayTarget: ParsableArguments {
  @Option(name: .customLong("gateway"), help: CalledService.gateway.help, transform: CalledService.target)
  var given: String?

  var gateway: String { CalledService.gateway.checkedTarget(given) }

  func validate() throws { try CalledService.gateway.check(given) }
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
