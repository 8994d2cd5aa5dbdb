// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRPCCore
import Glibc
import ServiceAPI
import ServiceSupport

/// One running service of a stack.
final class ServiceProcess: Sendable {
  let member: StackMember
  let child: ChildProcess
  private let host: String
  private let portFile: String
  private let httpPortFile: String

  /// Starts it; ``waitUntilServing()`` tells when it takes requests.
  init(
    _ member: StackMember, configuration: StackConfiguration, state: StateDirectory,
    endpoints: [StackMember: String] = [:], onLine: @escaping @Sendable (String) -> Void = { _ in },
    onExit: @escaping @Sendable (ChildProcess.Exit) -> Void = { _ in }
  ) throws {
    self.member = member
    host = configuration.host
    portFile = state.portFile(of: member)
    // One left by a stack that was killed would be taken for this one's.
    unlink(portFile)
    httpPortFile = state.httpPortFile(of: member)
    unlink(httpPortFile)
    child = try ChildProcess(
      name: member.rawValue, executable: configuration.executablePath(of: member),
      arguments: configuration.arguments(of: member, state: state, endpoints: endpoints), onLine: onLine, onExit: onExit
    )
  }

  /// - Returns: where it listens, "host:port", once its health says SERVING.
  /// - Throws: CLIError with its last lines when it ends instead. There is no time limit: weights may be large.
  func waitUntilServing() async throws -> String {
    var port: Int?
    while port == nil {
      if let exit = child.exit { throw failure(exit) }
      port = Self.port(in: portFile)
      if port == nil { try await Task.sleep(for: .milliseconds(20)) }
    }
    let target = Self.target(host: host, port: port ?? 0)
    try await withClient(target: target, options: ServiceConnections.options(followsHealth: false)) { client in
      let health = Grpc_Health_V1_Health.Client(wrapping: client)
      let status = try await health.check(.init(), options: .within(.seconds(30))).status
      guard status == .serving else {
        throw CLIError(.service, "\(member.rawValue) at \(target) is not serving just after its start; see its log")
      }
    }
    return target
  }

  /// Where it tells over HTTP how it is, "host:port"; nil where it does not.
  var httpTarget: String? { Self.port(in: httpPortFile).map { Self.target(host: host, port: $0) } }

  private static func port(in file: String) -> Int? {
    (try? String(contentsOfFile: file, encoding: .utf8)).flatMap { Int($0.dropLast()) }
  }

  /// What to tell when the process has ended though nobody asked it to.
  func failure(_ exit: ChildProcess.Exit) -> CLIError {
    let lines = child.lastLines.suffix(10)
    let log =
      lines.isEmpty ? "; it wrote nothing" : "; its last lines:\n" + lines.map { "  \($0)" }.joined(separator: "\n")
    return CLIError(.process, "\(member.rawValue) (pid \(child.pid)) \(exit)\(log)")
  }

  /// Ends it and returns when it has ended.
  func stop(within patience: Duration) async {
    await child.stop(within: patience)
    unlink(portFile)
    unlink(httpPortFile)
  }

  /// As a client on this machine reaches a server that listens on `host`.
  static func target(host: String, port: Int) -> String {
    switch host {
    case "0.0.0.0": "127.0.0.1:\(port)"
    case "::": "[::1]:\(port)"
    default: host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
  }
}

extension CallOptions {
  /// The defaults with a time limit.
  static func within(_ timeout: Duration) -> CallOptions {
    var options = CallOptions.defaults
    options.timeout = timeout
    return options
  }
}
