// SPDX-License-Identifier: Apache-2.0

package import GRPCCore

extension GRPCClient {
  /// Runs the connections until the client is stopped, also where that was before they ran: `runConnections()` takes it for a mistake, and
  /// a busy machine starts the task that runs them only after the last call.
  package func runConnectionsUntilStopped() async throws {
    do {
      try await runConnections()
    } catch let error as RuntimeError where error.code == .clientIsStopped {}
  }
}

/// Runs `body` with a client over `transport` and closes its connections afterwards, as `withGRPCClient` does, which throws when `body` was
/// done before the connections ran.
package func withRunningClient<Transport: ClientTransport, Value: Sendable>(
  transport: Transport, interceptors: [any ClientInterceptor] = [],
  isolation: isolated (any Actor)? = #isolation, _ body: (GRPCClient<Transport>) async throws -> Value
) async throws -> Value {
  try await withThrowingDiscardingTaskGroup { group in
    let client = GRPCClient(transport: transport, interceptors: interceptors)
    group.addTask { try await client.runConnectionsUntilStopped() }
    let value = try await body(client)
    client.beginGracefulShutdown()
    // The client does not pass that on to a transport that it has not run.
    transport.beginGracefulShutdown()
    return value
  }
}
