// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import GRPCTransport
import Synchronization
import TestSupport
import Testing

extension CoreTests {
  @Suite("Servers and clients stop in order") struct ShutdownTests {
    @Test(arguments: TestService.allMethods)
    func `A graceful shutdown lets calls finish`(_ method: MethodDescriptor) async throws {
      let (started, mayEnd) = (Signal(), Signal())
      let wasCancelled = Mutex(true)
      let service = TestService.all { request, context in
        started.send()
        await mayEnd.wait()
        wasCancelled.withLock { $0 = context.cancellation.isCancelled }
        return try await TestService.echoOnce(request, context)
      }
      try await withClient(of: service) { client, server in
        async let replies = client.callStreaming(method, [[1]])
        await started.wait()
        server.beginGracefulShutdown()
        try await Task.sleep(for: .milliseconds(20))
        mayEnd.send()
        let answer = try await replies
        #expect(answer == [[1]])
      }
      #expect(!wasCancelled.withLock { $0 })
    }

    @Test func `After a graceful shutdown new calls are refused`() async throws {
      let (started, mayEnd) = (Signal(), Signal())
      let service = TestService.all { request, context in
        started.send()
        await mayEnd.wait()
        return try await TestService.echoOnce(request, context)
      }
      try await withClient(of: service) { client, server in
        async let running = client.callUnary(TestService.unary, [1])
        await started.wait()
        server.beginGracefulShutdown()
        // The connection is told to close before the next call can use it, or the call is refused by the server.
        try await Task.sleep(for: .milliseconds(50))
        let error = try await rpcError { try await client.callUnary(TestService.unary, [2]) }
        #expect(error.code == .unavailable)
        mayEnd.send()
        let answer = try await running
        #expect(answer == [1])
      }
    }

    @Test func `A graceful shutdown frees the port`() async throws {
      let (started, mayEnd) = (Signal(), Signal())
      let service = TestService.all { request, context in
        started.send()
        await mayEnd.wait()
        return try await TestService.echoOnce(request, context)
      }
      try await withClient(of: service) { client, server in
        async let running = client.callUnary(TestService.unary, [1])
        await started.wait()
        server.beginGracefulShutdown()
        // A successor may listen while the last calls run out; the listener closes in its own time.
        let address = "127.0.0.1:\(server.transport.boundPort ?? 0)"
        while true {
          do {
            try CGrpcServerTransport(address: address).beginGracefulShutdown()
            break
          } catch is TransportError {
            try await Task.sleep(for: .milliseconds(5))
          }
        }
        mayEnd.send()
        let answer = try await running
        #expect(answer == [1])
      }
    }

    /// Clients that watch no health, as most do: each of two servers is shut down and comes back, in turn, under calls.
    @Test(.enabled(if: CGrpcServerTransport.canLimitConnections), arguments: [false, true])
    func `Calls go to another server while one restarts, and none fails`(usesTLS: Bool) async throws {
      let directory = try TemporaryDirectory()
      var server = CGrpcServerTransport.Configuration.defaults
      // A call that nobody has begun with is UNAVAILABLE, and sent again.
      var client = try RetryTests.configuration()
      client.serviceConfig.loadBalancingConfig = [.roundRobin]
      client.backoff.initial = .milliseconds(20)
      client.backoff.max = .milliseconds(20)
      client.backoff.minConnectTimeout = .seconds(600)
      if usesTLS {
        let authority = try CertificateAuthority(in: directory)
        let pair = try authority.issue("server")
        server.tls = .init(certificate: pair.certificate, key: pair.key)
        client.tls = .init(authorities: authority.certificate, serverName: "localhost")
      }
      var replicas = try (0..<2).map { _ in try Replica(port: 0, server) }
      do {
        try await Self.restart(&replicas, server, client)
      } catch {
        for replica in replicas { await replica.shutDown() }
        throw error
      }
      for replica in replicas { await replica.shutDown() }
      try await expectNoLiveObjects()
    }

    private static func restart(
      _ replicas: inout [Replica], _ server: CGrpcServerTransport.Configuration,
      _ client: CGrpcClientTransport.Configuration
    ) async throws {
      let ports = replicas.map(\.port)
      let target = "ipv4:" + ports.map { "127.0.0.1:\($0)" }.joined(separator: ",")
      try await withRunningClient(transport: try CGrpcClientTransport(target: target, configuration: client)) {
        client in
        let isOver = Signal()
        defer { isOver.send() }
        let calls = Counter()
        for replica in replicas { try await replica.waitForCall(client) }
        let callers = (0..<8).map { _ in
          Task {
            while !isOver.isSent {
              try await client.callUnary(TestService.unary, [1])
              calls.increment()
            }
          }
        }
        for round in 0..<10 {
          await replicas[round % 2].shutDown()
          replicas[round % 2] = try Replica(port: ports[round % 2], server)
          try await replicas[round % 2].waitForCall(client)
        }
        isOver.send()
        for caller in callers { try await caller.value }
        #expect(calls.value > 0)
      }
    }

    /// A server that counts its calls.
    private struct Replica {
      let port: Int
      private let calls = Counter()
      private let server: Server
      private let serving: Task<Void, any Error>

      init(port: Int, _ configuration: CGrpcServerTransport.Configuration) throws {
        let transport = try CGrpcServerTransport(address: "127.0.0.1:\(port)", configuration: configuration)
        self.port = transport.boundPort ?? 0
        let service = TestService.all { [calls] request, context in
          calls.increment()
          return try await TestService.echoOnce(request, context)
        }
        let server = GRPCServer(transport: transport, services: [service])
        self.server = server
        serving = Task { try await server.serve() }
      }

      func waitForCall(_ client: Client) async throws {
        try await waitUntil {
          try await client.callUnary(TestService.unary)
          return calls.value > 0
        }
      }

      func shutDown() async {
        server.beginGracefulShutdown()
        _ = await serving.result
      }
    }

    @Test func `On request a graceful shutdown tells the calls`() async throws {
      let (started, cancelled) = (Signal(), Signal())
      var configuration = CGrpcServerTransport.Configuration.defaults
      configuration.gracefulShutdownCancelsCalls = true
      let service = TestService.all { request, context in
        started.send()
        try await context.cancellation.cancelled
        cancelled.send()
        return try await TestService.echoOnce(request, context)
      }
      try await withClient(of: service, server: configuration) { client, server in
        async let reply = client.callUnary(TestService.unary, [1])
        await started.wait()
        server.beginGracefulShutdown()
        await cancelled.wait()
        // It is told, and may still answer.
        let answer = try await reply
        #expect(answer == [1])
      }
    }

    @Test(arguments: TestService.allMethods)
    func `A forced shutdown cancels calls and their tasks`(_ method: MethodDescriptor) async throws {
      let (started, cancelled) = (Signal(), Signal())
      let service = TestService.all { _, _ in
        started.send()
        do {
          try await Task.sleep(for: .seconds(3600))
        } catch {
          cancelled.send()
        }
        return StreamingServerResponse { _ in [:] }
      }
      let transport = try CGrpcServerTransport(address: "127.0.0.1:0")
      let server = GRPCServer(transport: transport, services: [service])
      let serving = Task { try await server.serve() }
      let target = "ipv4:127.0.0.1:\(transport.boundPort ?? 0)"
      try await withRunningClient(transport: try CGrpcClientTransport(target: target)) { client in
        let call = Task { try await client.callStreaming(method, [[1]]) }
        await started.wait()
        serving.cancel()
        await cancelled.wait()
        let error = try await rpcError { try await call.value }
        #expect([.unavailable, .cancelled].contains(error.code))
        try await serving.value
      }
      try await expectNoLiveObjects()
    }

    @Test func `A graceful shutdown may be forced`() async throws {
      let (started, cancelled) = (Signal(), Signal())
      let service = TestService.all(TestService.untilCancelled(started: started, cancelled: cancelled))
      let transport = try CGrpcServerTransport(address: "127.0.0.1:0")
      let server = GRPCServer(transport: transport, services: [service])
      let serving = Task { try await server.serve() }
      let target = "ipv4:127.0.0.1:\(transport.boundPort ?? 0)"
      try await withRunningClient(transport: try CGrpcClientTransport(target: target)) { client in
        let call = Task { try await client.callUnary(TestService.unary) }
        await started.wait()
        server.beginGracefulShutdown()
        try await Task.sleep(for: .milliseconds(20))
        #expect(!cancelled.isSent)
        serving.cancel()
        await cancelled.wait()
        _ = await call.result
        try await serving.value
      }
      try await expectNoLiveObjects()
    }

    @Test func `A client finishes its calls before it stops`() async throws {
      let (started, mayEnd) = (Signal(), Signal())
      let service = TestService.all { request, context in
        started.send()
        await mayEnd.wait()
        return try await TestService.echoOnce(request, context)
      }
      try await withServer(of: service) { _, target in
        try await withRunningClient(transport: try CGrpcClientTransport(target: target)) { client in
          async let running = client.callUnary(TestService.unary, [1])
          await started.wait()
          client.beginGracefulShutdown()
          await #expect(throws: RuntimeError.self) { _ = try await client.callUnary(TestService.unary) }
          mayEnd.send()
          let answer = try await running
          #expect(answer == [1])
        }
      }
      try await expectNoLiveObjects()
    }

    @Test func `A closed client transport refuses streams`() async throws {
      let transport = try CGrpcClientTransport(target: "ipv4:127.0.0.1:9")
      transport.beginGracefulShutdown()
      try await transport.connect()
      let error = try await rpcError {
        try await transport.withStream(descriptor: TestService.unary, options: .defaults) { _, _ in }
      }
      #expect(error.code == .failedPrecondition)
      try await expectNoLiveObjects()
    }

    @Test func `Cancelling the client's task cancels its calls`() async throws {
      let (started, cancelled) = (Signal(), Signal())
      let service = TestService.all(TestService.untilCancelled(started: started, cancelled: cancelled))
      try await withServer(of: service) { _, target in
        let client = GRPCClient(transport: try CGrpcClientTransport(target: target))
        let connection = Task { try await client.runConnections() }
        let call = Task { try await client.callUnary(TestService.unary) }
        await started.wait()
        connection.cancel()
        let error = try await rpcError { try await call.value }
        #expect(error.code == .cancelled)
        try await connection.value
        await cancelled.wait()
      }
      try await expectNoLiveObjects()
    }

    @Test func `Transports that are never used leave nothing`() async throws {
      do {
        _ = try CGrpcServerTransport(address: "127.0.0.1:0")
        _ = try CGrpcClientTransport(target: "ipv4:127.0.0.1:9")
      }
      try await expectNoLiveObjects()
    }

    @Test func `A server listens once`() async throws {
      let transport = try CGrpcServerTransport(address: "127.0.0.1:0")
      try await withGRPCServer(transport: transport, services: [TestService.echo]) { _ in
        // The first one may not have begun yet.
        let target = "ipv4:127.0.0.1:\(transport.boundPort ?? 0)"
        try await withRunningClient(transport: try CGrpcClientTransport(target: target)) { client in
          _ = try await client.callUnary(TestService.unary)
        }
        let error = await #expect(throws: TransportError.self) { try await transport.listen { _, _ in } }
        #expect(error?.code == .invalidState)
      }
      try await expectNoLiveObjects()
    }

    @Test func `Listening after a shutdown returns at once`() async throws {
      let transport = try CGrpcServerTransport(address: "127.0.0.1:0")
      transport.beginGracefulShutdown()
      try await transport.listen { _, _ in }
      try await expectNoLiveObjects()
    }

    @Test func `A writer kept past its handler holds nothing up`() async throws {
      let kept = Mutex<RPCWriter<[UInt8]>?>(nil)
      let service = TestService.all { _, _ in
        StreamingServerResponse { writer in
          kept.withLock { $0 = writer }
          try await writer.write([1])
          return [:]
        }
      }
      try await withServer(of: service) { _, target in
        try await withRunningClient(transport: try CGrpcClientTransport(target: target)) { client in
          let replies = try await client.callStreaming(TestService.bidirectional, [])
          #expect(replies == [[1]])
        }
      }
      let writer = try #require(kept.withLock { $0 })
      await #expect(throws: RPCError.self) { try await writer.write([2]) }
      kept.withLock { $0 = nil }
    }
  }
}
