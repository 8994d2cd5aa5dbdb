// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import GRPCTransport
import Synchronization
import Testing

extension CoreTests {
  /// Metadata both ways, on every kind of call.
  @Suite("Metadata travels both ways on every kind of call") struct MetadataTests {
    /// Sends the request's metadata under "x-…" back, as initial metadata and, under the same keys, as trailing metadata.
    static let mirror = TestService.all { request, _ in
      let mirrored = Metadata(request.metadata.filter { $0.key.hasPrefix("x-") })
      return StreamingServerResponse(metadata: mirrored) { writer in
        try await writer.write([])
        return mirrored
      }
    }

    struct Received: Sendable {
      var initial: Metadata
      var trailing: Metadata
    }

    static func exchange(_ method: MethodDescriptor, _ metadata: Metadata) async throws -> Received {
      try await withClient(of: mirror) { client, _ in
        try await client.stream(method, metadata: metadata) { writer in
          if !method.isRequestStreaming { try await writer.write([]) }
        } consume: { response in
          let contents = try response.accepted.get()
          var trailing = Metadata()
          for try await part in contents.bodyParts {
            if case .trailingMetadata(let metadata) = part { trailing = metadata }
          }
          return Received(initial: contents.metadata, trailing: trailing)
        }
      }
    }

    @Test(arguments: TestService.allMethods)
    func `Text and bytes arrive as they were sent`(_ method: MethodDescriptor) async throws {
      let sent: Metadata = [
        "x-text": "some text, with punctuation: =?\"", "x-bytes-bin": .binary([0, 255, 10, 13, 128]),
      ]
      let received = try await Self.exchange(method, sent)
      #expect(received.initial == sent)
      #expect(received.trailing == sent)
    }

    @Test func `Repeated keys keep their order`() async throws {
      let sent: Metadata = ["x-key": "one", "x-key": "two", "x-key": "three"]
      let received = try await Self.exchange(TestService.unary, sent)
      #expect(Array(received.initial[stringValues: "x-key"]) == ["one", "two", "three"])
    }

    @Test func `Keys are sent in lower case`() async throws {
      let received = try await Self.exchange(TestService.unary, ["X-Mixed-Case": "value"])
      #expect(received.initial == ["x-mixed-case": "value"])
    }

    @Test func `Encoded bytes are decoded once`() async throws {
      // Text under a "-bin" key is base64 already.
      let received = try await Self.exchange(TestService.unary, ["x-bytes-bin": .string("AQID")])
      #expect(received.initial == ["x-bytes-bin": .binary([1, 2, 3])])
    }

    @Test func `Empty values arrive`() async throws {
      let sent: Metadata = ["x-text": "", "x-bytes-bin": .binary([])]
      #expect(try await Self.exchange(TestService.bidirectional, sent).initial == sent)
    }

    @Test func `Big values within the limit arrive`() async throws {
      let sent: Metadata = ["x-bytes-bin": .binary([UInt8](repeating: 7, count: 4000))]
      #expect(try await Self.exchange(TestService.unary, sent).trailing == sent)
    }

    @Test func `Metadata over the limit is refused`() async throws {
      let sent: Metadata = ["x-text": .string(String(repeating: "a", count: 20_000))]
      let error = try await rpcError { try await Self.exchange(TestService.unary, sent) }
      #expect(error.code == .resourceExhausted)
    }

    @Test(arguments: [TestService.unary, TestService.bidirectional])
    func `Illegal keys fail the call`(_ method: MethodDescriptor) async throws {
      let error = try await rpcError { try await Self.exchange(method, ["x key": "value"]) }
      #expect(error.code == .internalError)
      #expect(error.message.contains("\"x key\""))
    }

    @Test func `Illegal values fail the call`() async throws {
      let error = try await rpcError { try await Self.exchange(TestService.unary, ["x-text": "newline\n"]) }
      #expect(error.code == .internalError)
      #expect(error.message.contains("\"x-text\""))
    }

    @Test(arguments: TestService.allMethods)
    func `Illegal metadata of a handler ends the call with an error`(_ method: MethodDescriptor) async throws {
      let service = TestService.all { _, _ in
        StreamingServerResponse { writer in
          try await writer.write([])
          return ["x trailing": "value"]
        }
      }
      try await withClient(of: service) { client, _ in
        let error = try await rpcError { try await client.callStreaming(method, [[]]) }
        #expect(error.code == .internalError)
        #expect(error.message.contains("\"x trailing\""))
      }
    }

    @Test func `The deadline is not in the metadata`() async throws {
      let keys = Mutex<[String]>([])
      let service = TestService.all { request, context in
        keys.withLock { $0 = request.metadata.map(\.key) }
        return try await TestService.echoOnce(request, context)
      }
      try await withClient(of: service) { client, _ in
        try await client.callUnary(TestService.unary, options: .timeout(.seconds(60)))
      }
      #expect(keys.withLock { $0 } == ["user-agent"])
    }

    @Test func `The server sees its peers`() async throws {
      let peers = Mutex(["", ""])
      let service = TestService.all { request, context in
        peers.withLock { $0 = [context.remotePeer, context.localPeer] }
        return try await TestService.echoOnce(request, context)
      }
      let port = try await withClient(of: service) { client, server in
        try await client.callUnary(TestService.unary)
        return server.transport.boundPort
      }
      let (remote, local) = peers.withLock { ($0[0], $0[1]) }
      #expect(remote.hasPrefix("ipv4:127.0.0.1:"))
      #expect(local == "ipv4:127.0.0.1:\(port ?? 0)")
    }
  }
}

extension MethodDescriptor {
  var isRequestStreaming: Bool { type?.isRequestStreaming ?? true }
}
