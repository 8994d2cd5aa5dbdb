// SPDX-License-Identifier: Apache-2.0

package import GRPCCore
import GRPCTransport
import ServiceLifecycle

/// Keeps a client's connections up beside a server, for ``ServiceParts/background``.
package struct ClientService<Transport: ClientTransport>: Service {
  private let client: GRPCClient<Transport>

  package init(_ client: GRPCClient<Transport>) {
    self.client = client
  }

  package func run() async throws {
    try await withGracefulShutdownHandler {
      try await client.runConnectionsUntilStopped()
    } onGracefulShutdown: {
      client.beginGracefulShutdown()
    }
  }
}
