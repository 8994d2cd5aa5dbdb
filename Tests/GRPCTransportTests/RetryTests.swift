// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import Synchronization
import TestSupport
import Testing

@testable import GRPCTransport

extension CoreTests {
  /// grpc-swift-2's retries, which need rejections ("trailers-only") to be told from responses.
  @Suite("Rejected calls are retried") struct RetryTests {
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
      _ failures: Int, _ attempts: Counter,
      with error: RPCError = RPCError(code: .unavailable, message: "come again")
    ) -> TestService {
      TestService.all { request, context in
        if attempts.increment() <= failures { throw error }
        return try await TestService.echoOnce(request, context)
      }
    }

    @Test(arguments: [TestService.unary, TestService.serverStreaming])
    func `Rejected calls are tried again`(_ method: MethodDescriptor) async throws {
      // Often, because recognising a rejection must not depend on timing.
      for _ in 0..<20 {
        let attempts = Counter()
        let replies = try await withClient(of: Self.failingFirst(3, attempts), client: try Self.configuration()) {
          client, _ in
          try await client.callStreaming(method, [[1, 2]])
        }
        #expect(replies == [[1, 2]])
        #expect(attempts.value == 4)
      }
    }

    @Test(arguments: [TestService.clientStreaming, TestService.bidirectional])
    func `A stream of requests is sent once`(_ method: MethodDescriptor) async throws {
      let attempts = Counter()
      try await withClient(of: Self.failingFirst(3, attempts), client: try Self.configuration()) { client, _ in
        let error = try await rpcError { try await client.callStreaming(method, [[1, 2]]) }
        #expect(error.code == .unavailable)
      }
      #expect(attempts.value == 1)
    }

    /// Takes the messages from an attempt, as grpc-swift-2's executor of retries does when it misses them.
    struct LosingMessages: ClientInterceptor {
      let losses: Int
      let attempts = Counter()

      func intercept<Input: Sendable, Output: Sendable>(
        request: StreamingClientRequest<Input>, context: ClientContext,
        next: (StreamingClientRequest<Input>, ClientContext) async throws -> StreamingClientResponse<Output>
      ) async throws -> StreamingClientResponse<Output> {
        var request = request
        if attempts.increment() <= losses { request.producer = { _ in } }
        return try await next(request, context)
      }
    }

    @Test(arguments: [TestService.unary, TestService.serverStreaming])
    func `A request whose message was lost on the way is not sent without it`(_ method: MethodDescriptor) async throws {
      let (withMessage, withoutMessage) = (Counter(), Counter())
      let service = TestService.all { request, context in
        do {
          let response = try await TestService.echoOnce(request, context)
          withMessage.increment()
          return response
        } catch {
          // A stream that has begun is reset.
          if (error as? RPCError)?.code != .cancelled { withoutMessage.increment() }
          throw error
        }
      }
      try await withServer(of: service) { _, target in
        for (losses, expected) in [(1, [[1, 2]]), (3, [[1, 2]]), (4, nil)] as [(Int, [[UInt8]]?)] {
          let losing = LosingMessages(losses: losses)
          let transport = try CGrpcClientTransport(target: target, configuration: try Self.configuration())
          try await withRunningClient(transport: transport, interceptors: [losing]) { client in
            guard let expected else {
              let error = try await rpcError { try await client.callStreaming(method, [[1, 2]]) }
              #expect(error.code == .unavailable && error.message.contains("without its message"))
              return
            }
            #expect(try await client.callStreaming(method, [[1, 2]]) == expected)
          }
        }
      }
      #expect(withMessage.value == 2 && withoutMessage.value == 0)
      try await expectNoLiveObjects()
    }

    @Test func `The last attempt's error is thrown`() async throws {
      let attempts = Counter()
      try await withClient(of: Self.failingFirst(10, attempts), client: try Self.configuration()) { client, _ in
        let error = try await rpcError { try await client.callUnary(TestService.unary) }
        #expect(error.code == .unavailable)
        #expect(error.message == "come again")
      }
      #expect(attempts.value == 4)
    }

    @Test func `Other codes are not tried again`() async throws {
      let attempts = Counter()
      let error = RPCError(code: .invalidArgument, message: "")
      try await withClient(of: Self.failingFirst(1, attempts, with: error), client: try Self.configuration()) {
        client, _ in
        let error = try await rpcError { try await client.callUnary(TestService.unary) }
        #expect(error.code == .invalidArgument)
      }
      #expect(attempts.value == 1)
    }

    @Test(arguments: [TestService.serverStreaming, TestService.bidirectional])
    func `An accepted call is not tried again`(_ method: MethodDescriptor) async throws {
      let attempts = Counter()
      let accepted = Signal()
      let service = TestService.all { _, _ in
        attempts.increment()
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
      #expect(attempts.value == 1)
    }

    /// Pauses of hours that are longer than what is left: grpc-swift-2, or the server, would have the caller wait for them.
    @Test(arguments: [nil, "7200000"] as [String?])
    func `Nobody waits for another attempt beyond the deadline`(pushback: String?) async throws {
      let attempts = Counter()
      let metadata: Metadata = pushback.map { ["grpc-retry-pushback-ms": .string($0)] } ?? [:]
      let error = RPCError(code: .unavailable, message: "come again", metadata: metadata)
      var configuration = try Self.configuration()
      let policy = RetryPolicy(
        maxAttempts: 5, initialBackoff: .seconds(7200), maxBackoff: .seconds(7200), backoffMultiplier: 1,
        retryableStatusCodes: [.unavailable])
      configuration.serviceConfig.methodConfig[0].executionPolicy = .retry(policy)
      try await withClient(of: Self.failingFirst(1000, attempts, with: error), client: configuration) { client, _ in
        try await CGrpcClientTransport.$callDeadline.withValue(.now + .seconds(1)) {
          let error = try await rpcError { try await client.callUnary(TestService.unary) }
          #expect(error.code == .unavailable || error.code == .deadlineExceeded)
        }
      }
      // A busy machine may have no time left for the second.
      #expect(pushback == nil ? (1...5).contains(attempts.value) : attempts.value == 1)
    }

    @Test func `A pause is bounded by what is left of the time, and only where it might pass it`() {
      let now = ContinuousClock.now
      func pushback(
        _ left: Duration, longest: Duration? = .seconds(2), asked: Metadata = [:], code: Status.Code = .unavailable
      ) -> String? {
        let deadline = CallDeadline(moment: now + left, longestPause: longest)
        let bounded = deadline.bounding(asked, of: Status(code: code, message: ""), at: now)
        return bounded[stringValues: "grpc-retry-pushback-ms"].first { _ in true }
      }
      #expect(pushback(.seconds(3)) == nil && pushback(.seconds(1), longest: nil) == nil)
      #expect(pushback(.seconds(1), code: .internalError) == nil)
      #expect(pushback(.zero) == "-1" && pushback(.seconds(-9)) == "-1" && pushback(.microseconds(900)) == "-1")
      for _ in 0..<100 { #expect((0..<500).contains(Int(pushback(.milliseconds(500)) ?? "") ?? -1)) }
      #expect(pushback(.seconds(3), asked: ["grpc-retry-pushback-ms": "4000"]) == "-1")
      #expect(pushback(.seconds(3), asked: ["grpc-retry-pushback-ms": "2000"]) == "2000")
      #expect(pushback(.milliseconds(1), asked: ["grpc-retry-pushback-ms": "-1"]) == "-1")
    }

    @Test func `The server may forbid another attempt`() async throws {
      let attempts = Counter()
      let error = RPCError(code: .unavailable, message: "", metadata: ["grpc-retry-pushback-ms": "-1"])
      try await withClient(of: Self.failingFirst(1, attempts, with: error), client: try Self.configuration()) {
        client, _ in
        _ = try await rpcError { try await client.callUnary(TestService.unary) }
      }
      #expect(attempts.value == 1)
    }

    @Test func `Throttling stops retries`() async throws {
      let attempts = Counter()
      let throttling = try ServiceConfig.RetryThrottling(maxTokens: 4, tokenRatio: 0.1)
      try await withClient(
        of: Self.failingFirst(1000, attempts), client: try Self.configuration(throttling: throttling)
      ) { client, _ in
        for _ in 0..<5 { _ = try await rpcError { try await client.callUnary(TestService.unary) } }
      }
      // Two failures use up half of the tokens; from then on each call is tried once.
      #expect(attempts.value <= 7)
    }

    @Test func `Unreachable servers are tried again`() async throws {
      let transport = try CGrpcClientTransport(target: "ipv4:127.0.0.1:9", configuration: try Self.configuration())
      try await withRunningClient(transport: transport) { client in
        let error = try await rpcError { try await client.callUnary(TestService.unary) }
        #expect(error.code == .unavailable)
      }
      try await expectNoLiveObjects()
    }
  }
}
