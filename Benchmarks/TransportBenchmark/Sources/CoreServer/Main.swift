// SPDX-License-Identifier: Apache-2.0

import EchoAPI
import GRPCCore
import GRPCTransport
import Glibc

/// Serves the echo on a free port of the loopback interface, which it prints.
@main
enum Main {
  static func main() async throws {
    let transport = try CGrpcServerTransport(address: "127.0.0.1:0")
    print(transport.boundPort ?? 0)
    fflush(nil)
    try await GRPCServer(transport: transport, services: [Echo()]).serve()
  }
}
