// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import GRPCTransport
import TestSupport
import Testing

extension CoreTests {
  /// How calls end.
  @Suite("Calls end with a status") struct StatusTests {
    static func failing(_ error: any Error) -> TestService {
      TestService.all { _, _ in throw error }
    }

    @Test(arguments: TestService.allMethods)
    func `Code and message arrive`(_ method: MethodDescriptor) async throws {
      let thrown = RPCError(code: .alreadyExists, message: "there is one already")
      try await withClient(of: Self.failing(thrown)) { client, _ in
        let error = try await rpcError { try await client.callStreaming(method, [[]]) }
        #expect(error.code == .alreadyExists)
        #expect(error.message == "there is one already")
      }
    }

    static let allCodes: [RPCError.Code] = [
      .cancelled, .unknown, .invalidArgument, .deadlineExceeded, .notFound, .alreadyExists, .permissionDenied,
      .resourceExhausted, .failedPrecondition, .aborted, .outOfRange, .unimplemented, .internalError, .unavailable,
      .dataLoss, .unauthenticated,
    ]

    @Test func `Every code arrives`() async throws {
      for code in Self.allCodes {
        try await withClient(of: Self.failing(RPCError(code: code, message: ""))) { client, _ in
          let error = try await rpcError { try await client.callUnary(TestService.unary) }
          #expect(error.code == code)
        }
      }
    }

    @Test func `A message of any characters arrives`() async throws {
      let message = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n"
      try await withClient(of: Self.failing(RPCError(code: .unknown, message: message))) { client, _ in
        let error = try await rpcError { try await client.callUnary(TestService.unary) }
        #expect(error.message == message)
      }
    }

    @Test(arguments: TestService.allMethods)
    func `Error details arrive`(_ method: MethodDescriptor) async throws {
      let details: [UInt8] = [8, 3, 18, 7] + (0..<200)
      let thrown = RPCError(
        code: .invalidArgument, message: "bad",
        metadata: ["grpc-status-details-bin": .binary(details), "x-more": "text"])
      try await withClient(of: Self.failing(thrown)) { client, _ in
        let error = try await rpcError { try await client.callStreaming(method, [[]]) }
        #expect(error.metadata == ["grpc-status-details-bin": .binary(details), "x-more": "text"])
      }
    }

    @Test(arguments: TestService.allMethods)
    func `A rejection has no metadata`(_ method: MethodDescriptor) async throws {
      try await withClient(of: Self.failing(RPCError(code: .notFound, message: ""))) { client, _ in
        try await client.stream(method) { writer in
          if !method.isRequestStreaming { try await writer.write([]) }
        } consume: { response in
          #expect(throws: RPCError.self) { _ = try response.accepted.get() }
        }
      }
    }

    @Test func `A stream may fail after messages`() async throws {
      let service = TestService.all { _, _ in
        StreamingServerResponse { writer in
          try await writer.write([1])
          try await writer.write([2])
          throw RPCError(code: .dataLoss, message: "broken")
        }
      }
      try await withClient(of: service) { client, _ in
        let (received, code) = try await client.stream(TestService.bidirectional) { _ in
        } consume: { response in
          var received: [[UInt8]] = []
          do {
            for try await message in response.messages { received.append(message) }
          } catch let error as RPCError {
            return (received, error.code)
          }
          return (received, .unknown)
        }
        #expect(received == [[1], [2]])
        #expect(code == .dataLoss)
      }
    }

    @Test func `Other errors are unknown`() async throws {
      struct Mishap: Error {}
      try await withClient(of: Self.failing(Mishap())) { client, _ in
        let error = try await rpcError { try await client.callUnary(TestService.unary) }
        #expect(error.code == .unknown)
      }
    }

    @Test func `A missing method is unimplemented`() async throws {
      try await withClient { client, _ in
        let error = try await rpcError { try await client.callUnary(TestService.missing) }
        #expect(error.code == .unimplemented)
      }
    }

    @Test(arguments: [MethodDescriptor.RPCType.unary, .clientStreaming, .serverStreaming, .bidirectionalStreaming])
    func `A missing service is unimplemented`(_ type: MethodDescriptor.RPCType) async throws {
      try await withClient { client, _ in
        let method = MethodDescriptor(fullyQualifiedService: "no.such.Service", method: "Method", type: type)
        let error = try await rpcError { try await client.callStreaming(method, [[1]]) }
        #expect(error.code == .unimplemented)
      }
    }

    @Test func `A handler may answer before it has read everything`() async throws {
      // The client learns the status although it could not send everything.
      let service = Self.failing(RPCError(code: .resourceExhausted, message: "enough"))
      try await withClient(of: service) { client, _ in
        let messages = Array(repeating: [UInt8](repeating: 1, count: 100_000), count: 200)
        let error = try await rpcError { try await client.callStreaming(TestService.clientStreaming, messages) }
        #expect(error.code == .resourceExhausted)
        #expect(error.message == "enough")
      }
    }

    @Test func `A failing producer cancels the call`() async throws {
      let (started, cancelled) = (Signal(), Signal())
      let service = TestService.all(TestService.untilCancelled(started: started, cancelled: cancelled))
      struct Mishap: Error {}
      try await withClient(of: service) { client, _ in
        let error = try await rpcError {
          try await client.stream(TestService.bidirectional) { writer in
            await started.wait()
            throw Mishap()
          } consume: { response in
            for try await _ in response.messages {}
          }
        }
        #expect(error.code == .cancelled)
        await cancelled.wait()
      }
    }
  }
}
