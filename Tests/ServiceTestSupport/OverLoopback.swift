// SPDX-License-Identifier: Apache-2.0

package import GRPCCore
package import GRPCTransport
package import Logging
package import ServiceSupport

/// As ``withServicesInProcess(_:interceptors:logger:slowCalls:tracer:_:)`` over a connection on a free port: the transport within a process
/// does not tell the server that a caller left.
package func withServicesOverLoopback<Value: Sendable>(
  _ services: [any RegistrableRPCService], logger: Logger = .silent, tracer: CallTracer? = nil,
  _ body: (GRPCClient<CGrpcClientTransport>) async throws -> Value
) async throws -> Value {
  let transport = try CGrpcServerTransport(address: "127.0.0.1:0")
  let target = "127.0.0.1:\(transport.boundPort ?? 0)"
  return try await withGRPCServer(
    transport: transport, services: services, interceptors: [RPCObserver(logger: logger, tracer: tracer)]
  ) { _ in
    try await withClient(target: target, options: ClientOptions(followsHealth: false), body)
  }
}
