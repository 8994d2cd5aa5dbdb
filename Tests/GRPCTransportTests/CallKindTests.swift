// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import GRPCTransport
import TestSupport
import Testing

extension CoreTests {
  /// The four kinds of RPC, with nothing but messages.
  @Suite("All four kinds of RPC carry messages") struct CallKindTests {
    @Test func `A unary call echoes its message`() async throws {
      let reply = try await withClient { client, _ in try await client.callUnary(TestService.unary, [1, 2, 3]) }
      #expect(reply == [1, 2, 3])
    }

    @Test func `A client-streaming call sends all its messages`() async throws {
      let replies = try await withClient { client, _ in
        try await client.callStreaming(TestService.clientStreaming, [[1], [2, 3], []])
      }
      #expect(replies == [[1, 2, 3]])
    }

    @Test func `A server-streaming call receives all its messages`() async throws {
      let service = TestService(handlers: [
        TestService.serverStreaming: { _, _ in
          StreamingServerResponse { writer in
            for number in 0..<50 { try await writer.write([UInt8(number)]) }
            return [:]
          }
        }
      ])
      let replies = try await withClient(of: service) { client, _ in
        try await client.callStreaming(TestService.serverStreaming, [[]])
      }
      #expect(replies == (0..<50).map { [UInt8($0)] })
    }

    @Test func `A bidirectional call carries messages both ways`() async throws {
      let messages = (0..<100).map { [UInt8($0)] }
      let replies = try await withClient { client, _ in
        try await client.callStreaming(TestService.bidirectional, messages)
      }
      #expect(replies == messages)
    }

    @Test func `A bidirectional call may go in lockstep`() async throws {
      // Each request waits for the response to the one before, so neither side may hold anything back.
      let (turns, next) = AsyncStream.makeStream(of: Void.self)
      next.yield()
      let replies = try await withClient { client, _ in
        try await client.stream(TestService.bidirectional) { writer in
          var count: UInt8 = 0
          for await _ in turns {
            try await writer.write([count])
            count += 1
            if count == 20 { break }
          }
        } consume: { response in
          var received: [[UInt8]] = []
          for try await message in response.messages {
            received.append(message)
            next.yield()
          }
          return received
        }
      }
      #expect(replies == (0..<20).map { [UInt8($0)] })
    }

    @Test(arguments: TestService.allMethods)
    func `Empty messages arrive`(_ method: MethodDescriptor) async throws {
      let replies = try await withClient { client, _ in try await client.callStreaming(method, [[]]) }
      #expect(replies == [[]])
    }

    @Test func `Streams may have no messages`() async throws {
      let replies = try await withClient { client, _ in try await client.callStreaming(TestService.bidirectional, []) }
      #expect(replies.isEmpty)
    }

    @Test func `Many calls share one connection`() async throws {
      try await withClient { client, _ in
        try await withThrowingTaskGroup(of: Bool.self) { group in
          for number in 0..<200 {
            let message = [UInt8(number)]
            let method = TestService.allMethods[number % 4]
            group.addTask { try await client.callStreaming(method, [message]) == [message] }
          }
          for try await isEqual in group { #expect(isEqual) }
        }
      }
    }

    @Test func `Metadata of a stream arrives before its messages`() async throws {
      // The handler waits for the client to see its metadata, which is empty.
      let seen = Signal()
      let service = TestService.all { _, _ in
        StreamingServerResponse { writer in
          await seen.wait()
          try await writer.write([1])
          return [:]
        }
      }
      try await withClient(of: service) { client, _ in
        let replies = try await client.stream(TestService.bidirectional) { _ in
        } consume: { response in
          seen.send()
          var received: [[UInt8]] = []
          for try await message in response.messages { received.append(message) }
          return received
        }
        #expect(replies == [[1]])
      }
    }

    @Test func `A handler of a unary method may suspend`() async throws {
      let service = TestService.all { request, context in
        try await Task.sleep(for: .milliseconds(5))
        return try await TestService.echoOnce(request, context)
      }
      try await withClient(of: service) { client, _ in
        let reply = try await client.callUnary(TestService.unary, [9])
        #expect(reply == [9])
      }
    }

    @Test func `Handlers may start on the pool`() async throws {
      var configuration = CGrpcServerTransport.Configuration.defaults
      configuration.handlerStart = .onConcurrentPool
      try await withClient(server: configuration) { client, _ in
        let reply = try await client.callUnary(TestService.unary, [9])
        #expect(reply == [9])
      }
    }

    @Test(arguments: [1, 2, 8])
    func `Completion queues have threads of their own`(_ count: Int) async throws {
      var configuration = CGrpcServerTransport.Configuration.defaults
      configuration.queueThreads = count
      try await withClient(server: configuration) { client, _ in
        let replies = try await withThrowingTaskGroup(of: [UInt8].self) { group in
          for number in 0..<50 { group.addTask { try await client.callUnary(TestService.unary, [UInt8(number)]) } }
          return try await group.reduce(into: Set<[UInt8]>()) { $0.insert($1) }
        }
        #expect(replies.count == 50)
      }
    }
  }
}
