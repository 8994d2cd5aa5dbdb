// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import GRPCTransport
import Synchronization
import TestSupport
import Testing

extension CoreTests {
  @Suite("Deadlines end calls") struct DeadlineTests {
    /// The timeout of a call's options, or the deadline of the task that makes it.
    @Test(arguments: TestService.allMethods, [false, true])
    func `A slow call ends at its deadline on both sides`(_ method: MethodDescriptor, isTasks: Bool) async throws {
      let (started, cancelled) = (Signal(), Signal())
      let service = TestService.all(TestService.untilCancelled(started: started, cancelled: cancelled))
      try await withClient(of: service) { client, _ in
        var timeout = Duration.milliseconds(50)
        repeat {
          let options = isTasks ? .defaults : CallOptions.timeout(timeout)
          let error = try await CGrpcClientTransport.$callDeadline.withValue(isTasks ? .now + timeout : nil) {
            try await rpcError { try await client.callStreaming(method, [[]], options: options) }
          }
          #expect(error.code == .deadlineExceeded)
          // On a busy machine the deadline may pass before the handler begins: then it is given more time.
          timeout *= 2
        } while !started.isSent
        await cancelled.wait()
      }
    }

    @Test func `A passed deadline fails at once`() async throws {
      try await withClient { client, _ in
        let error = try await rpcError {
          try await client.callUnary(TestService.unary, options: .timeout(.nanoseconds(1)))
        }
        #expect(error.code == .deadlineExceeded)
      }
    }

    @Test func `The handler knows the deadline`() async throws {
      let remaining = Mutex<Duration?>(nil)
      let service = TestService.all { request, context in
        remaining.withLock { $0 = context.deadline.map { ContinuousClock.now.duration(to: $0) } }
        return try await TestService.echoOnce(request, context)
      }
      try await withClient(of: service) { client, _ in
        try await client.callUnary(TestService.unary, options: .timeout(.seconds(1000)))
      }
      let left = try #require(remaining.withLock { $0 })
      // On the wire a timeout is rounded up to three digits.
      #expect(left > .seconds(500) && left < .seconds(1020))
    }

    @Test(arguments: [(1000, 3000), (3000, 1000), (nil, 1000)] as [(Int?, Int)])
    func `The nearer of a call's timeout and its task's deadline counts`(timeout: Int?, task: Int) async throws {
      let remaining = Mutex<Duration?>(nil)
      let service = TestService.all { request, context in
        remaining.withLock { $0 = context.deadline.map { ContinuousClock.now.duration(to: $0) } }
        return try await TestService.echoOnce(request, context)
      }
      try await withClient(of: service) { client, _ in
        let options = timeout.map { CallOptions.timeout(.seconds($0)) } ?? .defaults
        try await CGrpcClientTransport.$callDeadline.withValue(.now + .seconds(task)) {
          _ = try await client.callUnary(TestService.unary, options: options)
        }
        try await CGrpcClientTransport.$callDeadline.withValue(.now - .seconds(1)) {
          let error = try await rpcError { try await client.callUnary(TestService.unary, options: options) }
          #expect(error.code == .deadlineExceeded, "it has passed")
        }
      }
      let left = try #require(remaining.withLock { $0 })
      #expect(left > .seconds(500) && left < .seconds(1020))
    }

    @Test func `Without a timeout there is no deadline`() async throws {
      let hasDeadline = Mutex(true)
      let service = TestService.all { request, context in
        hasDeadline.withLock { $0 = context.deadline != nil }
        return try await TestService.echoOnce(request, context)
      }
      try await withClient(of: service) { client, _ in try await client.callUnary(TestService.unary) }
      #expect(!hasDeadline.withLock { $0 })
    }

    @Test func `A server gives calls with one request a deadline where their client sets none`() async throws {
      let seen = Mutex<[Duration?]>([])
      let service = TestService.all { request, context in
        let left = context.deadline.map { ContinuousClock.now.duration(to: $0) }
        seen.withLock { $0.append(left) }
        return try await TestService.echoEach(request, context)
      }
      var configuration = CGrpcServerTransport.Configuration.defaults
      configuration.defaultDeadline = .seconds(5000)
      try await withClient(of: service, server: configuration) { client, _ in
        try await client.callUnary(TestService.unary, [1])
        try await client.callUnary(TestService.unary, [1], options: .timeout(.seconds(1000)))
        try await client.callStreaming(TestService.bidirectional, [[1]])
      }
      let durations = seen.withLock(\.self)
      #expect(durations.count == 3)
      #expect(try (4000...5000).contains(#require(durations[0]) / .seconds(1)))
      #expect(try (500...1020).contains(#require(durations[1]) / .seconds(1)))
      #expect(durations[2] == nil)
    }

    @Test func `The timeout of the service config applies`() async throws {
      var configuration = CGrpcClientTransport.Configuration.defaults
      configuration.serviceConfig.methodConfig = [
        MethodConfig(names: [.init(service: "illmrec.test.Echo")], timeout: .milliseconds(50))
      ]
      let service = TestService.all(TestService.untilCancelled(started: Signal(), cancelled: Signal()))
      try await withClient(of: service, client: configuration) { client, _ in
        let error = try await rpcError { try await client.callUnary(TestService.unary) }
        #expect(error.code == .deadlineExceeded)
      }
    }
  }
}
