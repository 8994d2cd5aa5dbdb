// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import GRPCTransport
import Testing

extension CoreTests {
  /// Limits on the size of messages, and messages near them.
  @Suite("Messages are limited in size") struct MessageLimitTests {
    static let megabyte = 1024 * 1024

    @Test(arguments: TestService.allMethods)
    func `Big messages arrive`(_ method: MethodDescriptor) async throws {
      var server = CGrpcServerTransport.Configuration.defaults
      server.maxReceiveMessageBytes = 40 * Self.megabyte
      var client = CGrpcClientTransport.Configuration.defaults
      client.maxReceiveMessageBytes = 40 * Self.megabyte
      var message = [UInt8](repeating: 0, count: 33 * Self.megabyte + 1)
      for index in stride(from: 0, to: message.count, by: 4099) {
        message[index] = UInt8(truncatingIfNeeded: index / 4099)
      }
      let sent = message
      try await withClient(server: server, client: client) { client, _ in
        let replies = try await client.callStreaming(method, [sent])
        #expect(replies == [sent])
      }
    }

    @Test(arguments: TestService.allMethods)
    func `The server refuses bigger requests`(_ method: MethodDescriptor) async throws {
      var server = CGrpcServerTransport.Configuration.defaults
      server.maxReceiveMessageBytes = 1000
      try await withClient(server: server) { client, _ in
        let replies = try await client.callStreaming(method, [[UInt8](repeating: 1, count: 1000)])
        #expect(replies.first?.count == 1000)
        let error = try await rpcError { try await client.callStreaming(method, [[UInt8](repeating: 1, count: 1001)]) }
        #expect(error.code == .resourceExhausted)
        #expect(error.message.contains("1001"))
      }
    }

    @Test(arguments: TestService.allMethods)
    func `The client refuses bigger responses`(_ method: MethodDescriptor) async throws {
      var configuration = CGrpcClientTransport.Configuration.defaults
      configuration.maxReceiveMessageBytes = 1000
      try await withClient(client: configuration) { client, _ in
        let error = try await rpcError { try await client.callStreaming(method, [[UInt8](repeating: 1, count: 1001)]) }
        #expect(error.code == .resourceExhausted)
      }
    }

    @Test func `The client does not send bigger requests`() async throws {
      var configuration = CGrpcClientTransport.Configuration.defaults
      configuration.maxSendMessageBytes = 1000
      try await withClient(client: configuration) { client, _ in
        for method in TestService.allMethods {
          let error = try await rpcError {
            try await client.callStreaming(method, [[UInt8](repeating: 1, count: 1001)])
          }
          #expect(error.code == .resourceExhausted)
        }
      }
    }

    @Test func `The server does not send bigger responses`() async throws {
      var configuration = CGrpcServerTransport.Configuration.defaults
      configuration.maxSendMessageBytes = 1000
      try await withClient(server: configuration) { client, _ in
        for method in TestService.allMethods {
          let error = try await rpcError {
            try await client.callStreaming(method, [[UInt8](repeating: 1, count: 1001)])
          }
          #expect(error.code == .resourceExhausted)
        }
      }
    }

    @Test(arguments: [TestService.unary, TestService.bidirectional])
    func `A call may have limits of its own`(_ method: MethodDescriptor) async throws {
      try await withClient { client, _ in
        var options = CallOptions.defaults
        options.maxRequestMessageBytes = 10
        let small = options
        let request = try await rpcError {
          try await client.callStreaming(method, [.init(repeating: 1, count: 11)], options: small)
        }
        #expect(request.code == .resourceExhausted)
        #expect(request.message.contains("maxRequestMessageBytes"))
        options = .defaults
        options.maxResponseMessageBytes = 10
        let narrow = options
        let response = try await rpcError {
          try await client.callStreaming(method, [.init(repeating: 1, count: 11)], options: narrow)
        }
        #expect(response.code == .resourceExhausted)
        #expect(response.message.contains("maxResponseMessageBytes"))
      }
    }

    @Test(arguments: [CompressionAlgorithm.gzip, .deflate, .none])
    func `Compressed requests arrive where the server takes them`(_ algorithm: CompressionAlgorithm) async throws {
      var server = CGrpcServerTransport.Configuration.defaults
      server.acceptsCompression = true
      var client = CGrpcClientTransport.Configuration.defaults
      client.acceptsCompression = true
      var options = CallOptions.defaults
      options.compression = algorithm
      let compressed = options
      try await withClient(server: server, client: client) { client, _ in
        let message = [UInt8](repeating: 5, count: 100_000)
        for method in TestService.allMethods {
          let replies = try await client.callStreaming(method, [message], options: compressed)
          #expect(replies == [message])
        }
      }
    }
  }
}
