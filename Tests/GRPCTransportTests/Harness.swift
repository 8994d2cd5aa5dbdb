import GRPCCore
import GRPCTransport

typealias Client = GRPCClient<CGrpcClientTransport>
typealias Server = GRPCServer<CGrpcServerTransport>

/// Runs `body` with a server of `service` on a free port and a client of it, and stops both gracefully.
func withClient<Result: Sendable>(
  of service: TestService = .echo,
  server serverConfiguration: CGrpcServerTransport.Configuration = .defaults,
  client clientConfiguration: CGrpcClientTransport.Configuration = .defaults,
  _ body: @Sendable (Client, Server) async throws -> Result
) async throws -> Result {
  let transport = try CGrpcServerTransport(address: "127.0.0.1:0", configuration: serverConfiguration)
  return try await withGRPCServer(transport: transport, services: [service]) { server in
    let target = "ipv4:127.0.0.1:\(transport.boundPort ?? 0)"
    let clientTransport = try CGrpcClientTransport(target: target, configuration: clientConfiguration)
    return try await withGRPCClient(transport: clientTransport) { client in
      try await body(client, server)
    }
  }
}

extension GRPCClient {
  /// Calls `method` with one request; the response's one message.
  func callUnary(
    _ method: MethodDescriptor, _ message: [UInt8], metadata: Metadata = [:],
    options: CallOptions = .defaults
  ) async throws -> [UInt8] {
    try await unary(
      request: ClientRequest(message: message, metadata: metadata), descriptor: method, serializer: BytesSerializer(),
      deserializer: BytesDeserializer(), options: options
    ) { try $0.message }
  }

  /// Calls `method` with a stream of requests; the responses and the trailing metadata.
  func callStreaming(
    _ method: MethodDescriptor, _ messages: [[UInt8]], metadata: Metadata = [:], options: CallOptions = .defaults
  ) async throws -> [[UInt8]] {
    let request = StreamingClientRequest<[UInt8]>(metadata: metadata) { writer in
      for message in messages { try await writer.write(message) }
    }
    return try await bidirectionalStreaming(
      request: request, descriptor: method, serializer: BytesSerializer(), deserializer: BytesDeserializer(),
      options: options
    ) { response in
      var received: [[UInt8]] = []
      for try await message in response.messages { received.append(message) }
      return received
    }
  }
}
