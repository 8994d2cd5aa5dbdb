import GRPCCore
import GRPCTransport
import Synchronization
import Testing

extension CoreTests {
  /// grpc-swift-2's retries, which need rejections ("trailers-only") to be told from responses.
  @Suite struct RetryTests {
    static func configuration(
      attempts: Int = 4, throttling: ServiceConfig.RetryThrottling? = nil
    ) throws -> CGrpcClientTransport.Configuration {
      var configuration = CGrpcClientTransport.Configuration.defaults
      let policy = RetryPolicy(
        maxAttempts: attempts, initialBackoff: .milliseconds(1), maxBackoff: .milliseconds(2), backoffMultiplier: 1,
        retryableStatusCodes: [.unavailable])
      configuration.serviceConfig.methodConfig = [
        MethodConfig(names: [.init(service: "illmrec.test.Echo")], executionPolicy: .retry(policy))
      ]
      configuration.serviceConfig.retryThrottling = throttling
      return configuration
    }

    /// Fails the first `failures` calls with `error`, then echoes.
    static func failingFirst(
      _ failures: Int, _ attempts: SharedCount,
      with error: RPCError = RPCError(code: .unavailable, message: "come again")
    ) -> TestService {
      TestService.all { request, context in
        let attempt = attempts.value.withLock { count in
          count += 1
          return count
        }
        if attempt <= failures { throw error }
        return try await TestService.echoOnce(request, context)
      }
    }

    @Test(arguments: TestService.allMethods)
    func rejectedCallsAreTriedAgain(_ method: MethodDescriptor) async throws {
      // Often, because recognising a rejection must not depend on timing.
      for _ in 0..<20 {
        let attempts = SharedCount()
        let replies = try await withClient(of: Self.failingFirst(3, attempts), client: try Self.configuration()) {
          client, _ in
          try await client.callStreaming(method, [[1, 2]])
        }
        #expect(replies == [[1, 2]])
        #expect(attempts.value.withLock { $0 } == 4)
      }
    }

    @Test func theLastAttemptsErrorIsThrown() async throws {
      let attempts = SharedCount()
      try await withClient(of: Self.failingFirst(10, attempts), client: try Self.configuration()) { client, _ in
        let error = try await rpcError { try await client.callUnary(TestService.unary) }
        #expect(error.code == .unavailable)
        #expect(error.message == "come again")
      }
      #expect(attempts.value.withLock { $0 } == 4)
    }

    @Test func otherCodesAreNotTriedAgain() async throws {
      let attempts = SharedCount()
      let error = RPCError(code: .invalidArgument, message: "")
      try await withClient(of: Self.failingFirst(1, attempts, with: error), client: try Self.configuration()) {
        client, _ in
        let error = try await rpcError { try await client.callUnary(TestService.unary) }
        #expect(error.code == .invalidArgument)
      }
      #expect(attempts.value.withLock { $0 } == 1)
    }

    @Test(arguments: [TestService.serverStreaming, TestService.bidirectional])
    func anAcceptedCallIsNotTriedAgain(_ method: MethodDescriptor) async throws {
      let attempts = SharedCount()
      let accepted = Signal()
      let service = TestService.all { _, _ in
        attempts.value.withLock { $0 += 1 }
        return StreamingServerResponse { _ in
          // Not before the metadata has arrived by itself.
          await accepted.wait()
          throw RPCError(code: .unavailable, message: "too late")
        }
      }
      try await withClient(of: service, client: try Self.configuration()) { client, _ in
        let error = try await rpcError {
          try await client.stream(method) { writer in
            try await writer.write([])
          } consume: { response in
            accepted.send()
            for try await _ in response.messages {}
          }
        }
        #expect(error.code == .unavailable)
      }
      #expect(attempts.value.withLock { $0 } == 1)
    }

    @Test func theServerMayForbidAnotherAttempt() async throws {
      let attempts = SharedCount()
      let error = RPCError(code: .unavailable, message: "", metadata: ["grpc-retry-pushback-ms": "-1"])
      try await withClient(of: Self.failingFirst(1, attempts, with: error), client: try Self.configuration()) {
        client, _ in
        _ = try await rpcError { try await client.callUnary(TestService.unary) }
      }
      #expect(attempts.value.withLock { $0 } == 1)
    }

    @Test func throttlingStopsRetries() async throws {
      let attempts = SharedCount()
      let throttling = try ServiceConfig.RetryThrottling(maxTokens: 4, tokenRatio: 0.1)
      try await withClient(
        of: Self.failingFirst(1000, attempts), client: try Self.configuration(throttling: throttling)
      ) { client, _ in
        for _ in 0..<5 { _ = try await rpcError { try await client.callUnary(TestService.unary) } }
      }
      // Two failures use up half of the tokens; from then on each call is tried once.
      #expect(attempts.value.withLock { $0 } <= 7)
    }

    @Test func unreachableServersAreTriedAgain() async throws {
      let transport = try CGrpcClientTransport(target: "ipv4:127.0.0.1:9", configuration: try Self.configuration())
      try await withGRPCClient(transport: transport) { client in
        let error = try await rpcError { try await client.callUnary(TestService.unary) }
        #expect(error.code == .unavailable)
      }
      try await expectNoLiveObjects()
    }
  }
}
