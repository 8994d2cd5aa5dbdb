// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import GRPCTransport
import Synchronization
import Testing

extension CoreTests {
  @Suite("A guard judges messages before they are decoded") struct RequestGuardTests {
    /// Refuses what begins with 9; grants a message its bytes.
    private final class Guard: RequestGuard {
      let granted = Atomic(0)
      let most = Atomic(0)

      func admit(_ message: MessageBytes, of method: MethodDescriptor) throws -> Int {
        if message.withUnsafeBytes({ $0.first }) == 9 {
          throw RPCError(code: .resourceExhausted, message: "\(method.method) holds a nine")
        }
        most.max(granted.add(message.count, ordering: .relaxed).newValue, ordering: .relaxed)
        return message.count
      }

      func release(_ granted: Int) { self.granted.subtract(granted, ordering: .relaxed) }
    }

    private func withGuard(_ body: @Sendable (Client) async throws -> Void) async throws -> Guard {
      let requestGuard = Guard()
      var configuration = CGrpcServerTransport.Configuration.defaults
      configuration.requestGuard = requestGuard
      try await withClient(server: configuration) { client, _ in try await body(client) }
      #expect(requestGuard.granted.load(ordering: .relaxed) == 0, "all is given back")
      return requestGuard
    }

    @Test func `A refused request ends its call with the guard's error`() async throws {
      let requestGuard = try await withGuard { client in
        let error = try await rpcError { try await client.callUnary(TestService.unary, [9, 1]) }
        #expect(error.code == .resourceExhausted && error.message == "\(TestService.unary.method) holds a nine")
        #expect(try await client.callUnary(TestService.unary, [1, 2, 3]) == [1, 2, 3])
      }
      #expect(requestGuard.most.load(ordering: .relaxed) == 3)
    }

    @Test func `A stream holds what its last message was granted`() async throws {
      let requestGuard = try await withGuard { client in
        let messages = (0..<50).map { [UInt8(0), UInt8($0)] }
        #expect(try await client.callStreaming(TestService.bidirectional, messages) == messages)
        let error = try await rpcError {
          try await client.callStreaming(TestService.bidirectional, messages + [[9]] + messages)
        }
        #expect(error.code == .resourceExhausted)
      }
      #expect(requestGuard.most.load(ordering: .relaxed) == 2)
    }
  }
}
