// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import GRPCTransport
import Testing

extension CoreTests {
  /// Messages that travel compressed, and what each side knows of that.
  @Suite("Messages may be compressed one by one") struct CompressionTests {
    /// Takes and gives gzip and deflate.
    private static let server = {
      var configuration = CGrpcServerTransport.Configuration.defaults
      configuration.acceptsCompression = true
      configuration.compressesResponses = true
      configuration.maxReceiveMessageBytes = 100_000
      return configuration
    }()
    private static let client = {
      var configuration = CGrpcClientTransport.Configuration.defaults
      configuration.acceptsCompression = true
      configuration.maxReceiveMessageBytes = 100_000
      return configuration
    }()
    private static let gzip = {
      var options = CallOptions.defaults
      options.compression = .gzip
      return options
    }()

    @Test(arguments: TestService.allMethods)
    func `Each side sees which messages came compressed`(_ method: MethodDescriptor) async throws {
      let service = MarkedService(reply: { Marked(bytes: $0.bytes, isCompressed: !$0.isCompressed) })
      try await withMarkedClient(of: service) { client in
        for isCompressed in [true, false] {
          let sent = Marked(bytes: .init(repeating: 7, count: 5000), isCompressed: isCompressed)
          let replies = try await client.call(method, [sent], options: Self.gzip)
          #expect(replies == [Marked(bytes: sent.bytes, isCompressed: !isCompressed)])
        }
      }
    }

    @Test func `Within one stream some messages are compressed and others are not`() async throws {
      let service = MarkedService(reply: { $0 })
      let sent = (0..<20).map { Marked(bytes: .init(repeating: UInt8($0), count: 3000), isCompressed: $0 % 3 == 0) }
      try await withMarkedClient(of: service) { client in
        let replies = try await client.call(TestService.bidirectional, sent, options: Self.gzip)
        #expect(replies == sent)
      }
    }

    @Test func `A client that takes no compressed messages gets none`() async throws {
      let service = MarkedService(reply: { Marked(bytes: $0.bytes, isCompressed: true) })
      try await withMarkedClient(of: service, client: .defaults) { client in
        let sent = Marked(bytes: .init(repeating: 7, count: 5000), isCompressed: false)
        let replies = try await client.call(TestService.unary, [sent])
        #expect(replies == [sent])
      }
    }

    @Test(arguments: TestService.allMethods)
    func `What inflates to more than the server's limit is refused`(_ method: MethodDescriptor) async throws {
      try await withClient(server: Self.server, client: Self.client) { client, _ in
        let fitting = try await client.callStreaming(method, [.init(repeating: 0, count: 100_000)], options: Self.gzip)
        #expect(fitting.first?.count == 100_000)
        let error = try await rpcError {
          try await client.callStreaming(method, [.init(repeating: 0, count: 100_001)], options: Self.gzip)
        }
        #expect(error.code == .resourceExhausted)
        #expect(error.message.contains("100000"))
      }
    }

    @Test(arguments: TestService.allMethods)
    func `What inflates to more than the client's limit is refused`(_ method: MethodDescriptor) async throws {
      let service = TestService.all { _, _ in
        StreamingServerResponse { writer in
          try await writer.write(.init(repeating: 0, count: 100_001))
          return [:]
        }
      }
      try await withClient(of: service, server: Self.server, client: Self.client) { client, _ in
        let error = try await rpcError { try await client.callStreaming(method, [[1]]) }
        #expect(error.code == .resourceExhausted)
        #expect(error.message.contains("100000"))
      }
    }

    @Test func `Compressing without taking compressed messages is refused`() throws {
      var configuration = CGrpcServerTransport.Configuration.defaults
      configuration.compressesResponses = true
      let wrong = configuration
      let error = #expect(throws: TransportError.self) {
        _ = try CGrpcServerTransport(address: "127.0.0.1:0", configuration: wrong)
      }
      #expect(error?.code == .invalidConfiguration)
    }

    private func withMarkedClient(
      of service: MarkedService, client: CGrpcClientTransport.Configuration = Self.client,
      _ body: @Sendable (Client) async throws -> Void
    ) async throws {
      let transport = try CGrpcServerTransport(address: "127.0.0.1:0", configuration: Self.server)
      let port = try #require(transport.boundPort)
      try await withGRPCServer(transport: transport, services: [service]) { _ in
        let transport = try CGrpcClientTransport(target: "ipv4:127.0.0.1:\(port)", configuration: client)
        try await withRunningClient(transport: transport) { client in try await body(client) }
      }
      try await expectNoLiveObjects()
    }
  }
}

/// A message, and whether it travels or has travelled compressed.
struct Marked: Sendable, Hashable {
  var bytes: [UInt8]
  var isCompressed: Bool
}

struct MarkedSerializer: MessageSerializer {
  func serialize<Bytes: GRPCContiguousBytes>(_ message: Marked) throws -> Bytes {
    var bytes = MessageBytes(message.bytes)
    bytes.mayBeCompressed = message.isCompressed
    return try #require(bytes as? Bytes)
  }
}

struct MarkedDeserializer: MessageDeserializer {
  func deserialize<Bytes: GRPCContiguousBytes>(_ bytes: Bytes) throws -> Marked {
    let message = try #require(bytes as? MessageBytes)
    return Marked(bytes: message.withUnsafeBytes { Array($0) }, isCompressed: message.cameCompressed)
  }
}

/// Answers each message of each method with what `reply` makes of it.
struct MarkedService: RegistrableRPCService {
  let reply: @Sendable (Marked) -> Marked

  func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
    for method in TestService.allMethods {
      router.registerHandler(
        forMethod: method, deserializer: MarkedDeserializer(), serializer: MarkedSerializer()
      ) { request, _ in
        StreamingServerResponse { writer in
          for try await message in request.messages { try await writer.write(reply(message)) }
          return [:]
        }
      }
    }
  }
}

extension GRPCClient {
  fileprivate func call(
    _ method: MethodDescriptor, _ messages: [Marked], options: CallOptions = .defaults
  ) async throws -> [Marked] {
    try await bidirectionalStreaming(
      request: StreamingClientRequest { try await $0.write(contentsOf: messages) }, descriptor: method,
      serializer: MarkedSerializer(), deserializer: MarkedDeserializer(), options: options
    ) { response in
      var received: [Marked] = []
      for try await message in response.messages { received.append(message) }
      return received
    }
  }
}
