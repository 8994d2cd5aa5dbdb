// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import GRPCTransport
import TestSupport
import Testing

extension CoreTests {
  /// Not under the sanitizers, which define the symbols that the limits need.
  @Suite("What a client may do to a server is limited", .enabled(if: CGrpcServerTransport.canLimitConnections))
  struct ConnectionLimitTests {
    private static func withLimits(
      _ change: (inout CGrpcServerTransport.Configuration.ConnectionLimits) -> Void,
      _ body: @escaping @Sendable (_ port: Int, _ target: String) async throws -> Void
    ) async throws {
      var configuration = CGrpcServerTransport.Configuration.defaults
      change(&configuration.connectionLimits)
      try await withServer(configuration: configuration) { server, target in
        let port = try #require(Int(target.split(separator: ":").last ?? ""))
        try await body(port, target)
      }
      try await expectNoLiveObjects()
    }

    /// One call on a connection of its own.
    private static func call(_ target: String) async throws -> [UInt8] {
      try await withRunningClient(transport: try CGrpcClientTransport(target: target)) { client in
        try await client.callUnary(TestService.unary, [1], options: .timeout(.seconds(120)))
      }
    }

    @Test func `Connections over the limit are closed at once, and others take their places`() async throws {
      try await Self.withLimits {
        $0.total = 3
      } _: { port, target in
        var held: [RawConnection] = []
        for _ in 0..<3 {
          held.append(try RawConnection(port: port))
          held.last?.send(HTTP2.preface + HTTP2.frame(.settings, stream: 0))
          // Served: the server has said its settings.
          #expect(held.last?.receive()?.isEmpty == false)
        }
        let closed = CGrpcServerTransport.closedConnections.overTotal
        for _ in 0..<10 { #expect(try RawConnection(port: port).isClosed()) }
        #expect(CGrpcServerTransport.closedConnections.overTotal == closed + 10)
        held = []
        var reply: [UInt8]?
        while reply == nil { reply = try? await Self.call(target) }
        #expect(reply == [1])
      }
    }

    @Test func `One address cannot take the connections of all`() async throws {
      try await Self.withLimits {
        $0.perAddress = 2
      } _: { port, target in
        var held: [RawConnection] = []
        for _ in 0..<2 {
          held.append(try RawConnection(port: port, source: "127.0.0.2"))
          held.last?.send(HTTP2.preface + HTTP2.frame(.settings, stream: 0))
          #expect(held.last?.receive()?.isEmpty == false)
        }
        #expect(try RawConnection(port: port, source: "127.0.0.2").isClosed())
        #expect(try await Self.call(target) == [1])
        #expect(held.count == 2)
      }
    }

    @Test func `A header block without end costs its connection`() async throws {
      try await Self.withLimits { _ in
      } _: { port, target in
        let attacker = try RawConnection(port: port)
        attacker.send(HTTP2.preface + HTTP2.frame(.settings, stream: 0))
        attacker.send(HTTP2.frame(.headers, stream: 1, payload: HTTP2.requestHeaders))
        let part = HTTP2.frame(.continuation, stream: 1, payload: [UInt8](repeating: 0, count: 16_000))
        var isOpen = true
        for _ in 0..<1000 where isOpen { isOpen = attacker.send(part) }
        #expect(!isOpen)
        #expect(try await Self.call(target) == [1])
      }
    }

    @Test func `Streams that are opened to be reset cost their connection`() async throws {
      try await Self.withLimits {
        $0.idleFramesPerSecond = 20
      } _: { port, target in
        let attacker = try RawConnection(port: port)
        attacker.send(HTTP2.preface + HTTP2.frame(.settings, stream: 0))
        attacker.send((0..<2000).flatMap(HTTP2.reset))
        #expect(attacker.isClosed())
        #expect(try await Self.call(target) == [1])
      }
    }

    @Test func `A client that says nothing is closed after the handshake's time`() async throws {
      var configuration = CGrpcServerTransport.Configuration.defaults
      configuration.connection.handshakeTimeout = .seconds(1)
      try await withServer(configuration: configuration) { _, target in
        let port = try #require(Int(target.split(separator: ":").last ?? ""))
        #expect(try RawConnection(port: port).isClosed())
      }
      try await expectNoLiveObjects()
    }
  }

  @Suite("A call that asks too much ends alone") struct CallRefusalTests {
    /// Core compresses what this header names, where the client may.
    private static let compressed: Metadata = ["grpc-internal-encoding-request": "gzip"]
    private static let client = {
      var configuration = CGrpcClientTransport.Configuration.defaults
      configuration.acceptsCompression = true
      return configuration
    }()

    @Test func `A compressed message is refused by its header, unless the server takes such`() async throws {
      let zeros = [UInt8](repeating: 0, count: 3_000_000)
      try await withClient(client: Self.client) { client, _ in
        let error = try await rpcError {
          try await client.callUnary(TestService.unary, zeros, metadata: Self.compressed)
        }
        #expect(error.code == .unimplemented)
      }
      var server = CGrpcServerTransport.Configuration.defaults
      server.acceptsCompression = true
      try await withClient(server: server, client: Self.client) { client, _ in
        let reply = try await client.callUnary(TestService.unary, zeros, metadata: Self.compressed)
        #expect(reply == zeros)
      }
    }

    @Test func `Metadata over the limit ends its call, and those beside it on the connection go on`() async throws {
      try await withClient { client, _ in
        let replies = try await client.stream(TestService.bidirectional) { writer in
          try await writer.write([1])
          let large: Metadata = ["x-text": .string(String(repeating: "a", count: 20_000))]
          let error = try await rpcError { try await client.callUnary(TestService.unary, [2], metadata: large) }
          #expect(error.code == .resourceExhausted)
          #expect(error.message.contains("takes 16384"))
          try await writer.write([3])
        } consume: { response in
          var received: [[UInt8]] = []
          for try await message in response.messages { received.append(message) }
          return received
        }
        #expect(replies == [[1], [3]])
      }
    }

    @Test func `A call without its request is the client's doing: it left, or it sent none`() async throws {
      let codes = Recorder<RPCError.Code>()
      let service = TestService.all { request, _ in
        do {
          for try await _ in request.messages {}
        } catch let error as RPCError {
          codes.note(error.code)
        }
        throw RPCError(code: .aborted, message: "seen")
      }
      try await withServer(of: service) { _, target in
        let port = try #require(Int(target.split(separator: ":").last ?? ""))
        let client = try RawConnection(port: port)
        client.send(HTTP2.preface + HTTP2.frame(.settings, stream: 0))
        let headers = HTTP2.requestHeaders
        client.send(HTTP2.frame(.headers, flags: HTTP2.endHeaders, stream: 1, payload: headers))
        client.send(HTTP2.frame(.reset, stream: 1, payload: [0, 0, 0, 8]))
        try await waitUntil { codes.values.count == 1 }
        client.send(HTTP2.frame(.headers, flags: HTTP2.endHeaders | HTTP2.endStream, stream: 3, payload: headers))
        try await waitUntil { codes.values.count == 2 }
        #expect(codes.values == [.cancelled, .invalidArgument])
      }
      try await expectNoLiveObjects()
    }

    @Test func `Calls that no handler sees are told, with their method where it is served`() async throws {
      let (unknown, known) = (Recorder<RPCError.Code>(), Recorder<RPCError.Code>())
      var configuration = CGrpcServerTransport.Configuration.defaults
      configuration.maxMetadataBytes = 500
      configuration.onRefusal = { method, code in
        guard let method else { return unknown.note(code) }
        #expect(method == TestService.unary)
        known.note(code)
      }
      try await withClient(server: configuration) { client, _ in
        try await client.callUnary(TestService.unary, [1])
        #expect(unknown.values == [] && known.values == [])
        let missing = try await rpcError { try await client.callUnary(TestService.missing) }
        #expect(missing.code == .unimplemented && unknown.values == [.unimplemented])
        let metadata: Metadata = ["x": .string(String(repeating: "a", count: 600))]
        let large = try await rpcError { try await client.callUnary(TestService.unary, metadata: metadata) }
        #expect(large.code == .resourceExhausted && known.values == [.resourceExhausted])
      }
    }

    @Test func `Calls over the limit are refused while the others run`() async throws {
      var configuration = CGrpcServerTransport.Configuration.defaults
      configuration.maxConcurrentCalls = 1
      try await withClient(server: configuration) { client, _ in
        try await client.stream(TestService.bidirectional) { writer in
          try await writer.write([1])
          // The first call is known to run once it has answered.
          var error: RPCError?
          while error == nil {
            do { try await client.callUnary(TestService.unary, [2]) } catch let refused as RPCError { error = refused }
          }
          #expect(error?.code == .resourceExhausted)
        } consume: { response in
          for try await _ in response.messages {}
        }
        // The place is free once the handler has returned, which its client cannot see.
        var reply: [UInt8]?
        while reply == nil { reply = try? await client.callUnary(TestService.unary, [4]) }
        #expect(reply == [4])
      }
    }
  }
}
