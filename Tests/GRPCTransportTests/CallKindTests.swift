import GRPCCore
import Testing

/// The four kinds of RPC, each with nothing but messages.
@Suite struct CallKindTests {
  @Test func unary() async throws {
    let reply = try await withClient { client, _ in try await client.callUnary(TestService.unary, [1, 2, 3]) }
    #expect(reply == [1, 2, 3])
  }

  @Test func clientStreaming() async throws {
    let replies = try await withClient { client, _ in
      try await client.callStreaming(TestService.clientStreaming, [[1], [2, 3], []])
    }
    #expect(replies == [[1, 2, 3]])
  }

  @Test func serverStreaming() async throws {
    let replies = try await withClient { client, _ in
      try await client.callStreaming(TestService.serverStreaming, [[7]])
    }
    #expect(replies == [[7]])
  }

  @Test func bidirectionalStreaming() async throws {
    let messages = (0..<100).map { [UInt8($0)] }
    let replies = try await withClient { client, _ in
      try await client.callStreaming(TestService.bidirectional, messages)
    }
    #expect(replies == messages)
  }
}
