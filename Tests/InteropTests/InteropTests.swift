// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import GRPCTransport
import InteropService
import Testing

/// Our client against our server; `make test-interop` has each of them meet those of gRPC's other implementations.
@Suite("Client and server keep to gRPC's interoperability tests") struct InteropTests {
  @Test(arguments: InteropCase.allCases)
  func `A case holds between our own client and server`(_ wanted: InteropCase) async throws {
    var server = CGrpcServerTransport.Configuration.defaults
    server.acceptsCompression = true
    server.compressesResponses = true
    let transport = try CGrpcServerTransport(address: "127.0.0.1:0", configuration: server)
    let port = try #require(transport.boundPort)
    try await withGRPCServer(transport: transport, services: [InteropService()]) { _ in
      var client = CGrpcClientTransport.Configuration.defaults
      client.acceptsCompression = true
      let transport = try CGrpcClientTransport(target: "ipv4:127.0.0.1:\(port)", configuration: client)
      try await withRunningClient(transport: transport) { try await wanted.run(InteropClient($0)) }
    }
  }
}
