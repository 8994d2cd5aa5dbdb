// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import GRPCTransport
import Testing

typealias Client = GRPCClient<CGrpcClientTransport>
typealias Server = GRPCServer<CGrpcServerTransport>

/// Runs `body` with a server of `service` on a free port and a client of it, stops both gracefully and expects that nothing is left.
@discardableResult
func withClient<Result: Sendable>(
  of service: TestService = .echo,
  server serverConfiguration: CGrpcServerTransport.Configuration = .defaults,
  client clientConfiguration: CGrpcClientTransport.Configuration = .defaults,
  location: SourceLocation = #_sourceLocation,
  _ body: @Sendable (Client, Server) async throws -> Result
) async throws -> Result {
  let result = try await withServer(of: service, configuration: serverConfiguration) { server, target in
    let transport = try CGrpcClientTransport(target: target, configuration: clientConfiguration)
    return try await withRunningClient(transport: transport) { client in try await body(client, server) }
  }
  try await expectNoLiveObjects(location)
  return result
}

/// Runs `body` with a server of `service` on a free port and the target that names it, and stops the server gracefully.
func withServer<Result: Sendable>(
  of service: TestService = .echo, configuration: CGrpcServerTransport.Configuration = .defaults,
  _ body: @Sendable (Server, _ target: String) async throws -> Result
) async throws -> Result {
  let transport = try CGrpcServerTransport(address: "127.0.0.1:0", configuration: configuration)
  let port = try #require(transport.boundPort)
  return try await withGRPCServer(transport: transport, services: [service]) { server in
    try await body(server, "ipv4:127.0.0.1:\(port)")
  }
}

extension GRPCClient {
  /// Calls `method` with one request; the whole response.
  func unaryResponse(
    _ method: MethodDescriptor, _ message: [UInt8] = [], metadata: Metadata = [:], options: CallOptions = .defaults
  ) async throws -> ClientResponse<[UInt8]> {
    try await unary(
      request: ClientRequest(message: message, metadata: metadata), descriptor: method, serializer: BytesSerializer(),
      deserializer: BytesDeserializer(), options: options
    ) { $0 }
  }

  /// Calls `method` with one request; the response's one message.
  @discardableResult
  func callUnary(
    _ method: MethodDescriptor, _ message: [UInt8] = [], metadata: Metadata = [:], options: CallOptions = .defaults
  ) async throws -> [UInt8] {
    try await unaryResponse(method, message, metadata: metadata, options: options).message
  }

  /// Calls `method` with the requests that `produce` writes; `consume` takes the response.
  func stream<Result: Sendable>(
    _ method: MethodDescriptor, metadata: Metadata = [:], options: CallOptions = .defaults,
    produce: @escaping @Sendable (RPCWriter<[UInt8]>) async throws -> Void,
    consume: @escaping @Sendable (StreamingClientResponse<[UInt8]>) async throws -> Result
  ) async throws -> Result {
    try await bidirectionalStreaming(
      request: StreamingClientRequest(metadata: metadata, producer: produce), descriptor: method,
      serializer: BytesSerializer(), deserializer: BytesDeserializer(), options: options, onResponse: consume)
  }

  /// Calls `method` with a stream of requests; all responses.
  @discardableResult
  func callStreaming(
    _ method: MethodDescriptor, _ messages: [[UInt8]], metadata: Metadata = [:], options: CallOptions = .defaults
  ) async throws -> [[UInt8]] {
    try await stream(method, metadata: metadata, options: options) { writer in
      for message in messages { try await writer.write(message) }
    } consume: { response in
      var received: [[UInt8]] = []
      for try await message in response.messages { received.append(message) }
      return received
    }
  }
}

/// What `body` throws, which must be an `RPCError`.
func rpcError(
  _ location: SourceLocation = #_sourceLocation, _ body: () async throws -> some Any
) async throws -> RPCError {
  try #require(
    await #expect(throws: RPCError.self, sourceLocation: location) { _ = try await body() }, sourceLocation: location)
}

extension CallOptions {
  static func timeout(_ timeout: Duration) -> CallOptions {
    var options = CallOptions.defaults
    options.timeout = timeout
    return options
  }
}
