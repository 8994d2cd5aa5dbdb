// SPDX-License-Identifier: Apache-2.0

package import GRPCCore
package import GRPCInProcessTransport
import GRPCTransport
package import Logging
package import ServiceSupport

extension Logger {
  /// For servers in tests: silent but for what ends the process.
  package static var silent: Logger { Logger(service: "test", level: .critical) }
}

/// Serves `services` within this process, observed as the real servers are, and runs `body` with a client of them.
package func withServicesInProcess<Value: Sendable>(
  _ services: [any RegistrableRPCService], interceptors: [any ServerInterceptor] = [], access: AccessControl? = nil,
  logger: Logger = .silent, slowCalls: SlowCallLog? = nil, tracer: CallTracer? = nil,
  _ body: (GRPCClient<InProcessTransport.Client>) async throws -> Value
) async throws -> Value {
  let transport = InProcessTransport()
  let observer = RPCObserver(logger: logger, slowCalls: slowCalls, tracer: tracer)
  return try await withGRPCServer(
    transport: transport.server, services: services,
    interceptors: interceptors + [observer] + (access.map { [AccessInterceptor($0)] } ?? [])
  ) { _ in
    try await withRunningClient(transport: transport.client) { try await body($0) }
  }
}
