// SPDX-License-Identifier: Apache-2.0

import EchoAPI
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import Glibc

/// Serves the echo on a free port of the loopback interface, which it prints.
@main
enum Main {
  static func main() async throws {
    let transport = HTTP2ServerTransport.Posix(
      address: .ipv4(host: "127.0.0.1", port: 0), transportSecurity: .plaintext)
    let server = GRPCServer(transport: transport, services: [Echo()])
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await server.serve() }
      print(try await transport.listeningAddress.ipv4?.port ?? 0)
      fflush(nil)
      try await group.waitForAll()
    }
  }
}
