// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import GRPCTransport
import Glibc
import Synchronization
import TestSupport
import Testing

extension CoreTests {
  /// Addresses to listen on and targets to call.
  @Suite("Servers listen on addresses and clients call targets") struct TargetTests {
    static func call(
      _ target: String, configuration: CGrpcClientTransport.Configuration = .defaults
    ) async throws
      -> [UInt8]
    {
      try await withRunningClient(transport: try CGrpcClientTransport(target: target, configuration: configuration)) {
        client in
        try await client.callUnary(TestService.unary, [1], options: .timeout(.seconds(300)))
      }
    }

    static func serve<Result: Sendable>(
      _ address: String, _ body: @Sendable (Int?) async throws -> Result
    ) async throws -> Result {
      let transport = try CGrpcServerTransport(address: address)
      return try await withGRPCServer(transport: transport, services: [TestService.echo]) { _ in
        try await body(transport.boundPort)
      }
    }

    @Test(arguments: ["ipv4:127.0.0.1:", "127.0.0.1:", "dns:///127.0.0.1:", "dns:///localhost:", "localhost:"])
    func `Targets over TCP are called`(_ prefix: String) async throws {
      let reply = try await Self.serve("127.0.0.1:0") { port in try await Self.call("\(prefix)\(port ?? 0)") }
      #expect(reply == [1])
      try await expectNoLiveObjects()
    }

    @Test func `A server listens on all interfaces`() async throws {
      let reply = try await Self.serve("0.0.0.0:0") { port in try await Self.call("ipv4:127.0.0.1:\(port ?? 0)") }
      #expect(reply == [1])
      try await expectNoLiveObjects()
    }

    @Test func `A Unix socket is listened on and called`() async throws {
      let path = "/tmp/illmrec-test-\(getpid())-\(UInt32.random(in: 0 ... .max)).sock"
      let reply = try await Self.serve("unix:\(path)") { port in
        #expect(port == nil)
        return try await Self.call("unix:\(path)")
      }
      #expect(reply == [1])
      // The server removes its socket.
      #expect(access(path, F_OK) != 0)
      try await expectNoLiveObjects()
    }

    /// Counts the calls that reach a server.
    static func counting(_ count: Counter) -> TestService {
      TestService.all { request, context in
        count.increment()
        return try await TestService.echoOnce(request, context)
      }
    }

    static func spread(_ configuration: CGrpcClientTransport.Configuration) async throws -> [Int] {
      let counts = [Counter(), Counter(), Counter()]
      let spread = try await withServer(of: counting(counts[0])) { _, first in
        try await withServer(of: counting(counts[1])) { _, second in
          try await withServer(of: counting(counts[2])) { _, third in
            let addresses = [first, second, third].map { $0.dropFirst("ipv4:".count) }
            let target = "ipv4:" + addresses.joined(separator: ",")
            let transport = try CGrpcClientTransport(target: target, configuration: configuration)
            return try await withRunningClient(transport: transport) { try await countCalls($0, counts) }
          }
        }
      }
      try await expectNoLiveObjects()
      return spread
    }

    /// Where thirty calls go, once all servers are connected: calls before that go to those that are.
    private static func countCalls(_ client: Client, _ counts: [Counter]) async throws -> [Int] {
      try await waitUntil {
        try await client.callUnary(TestService.unary)
        return counts.allSatisfy { $0.value > 0 }
      }
      let before = counts.map(\.value)
      for _ in 0..<30 { try await client.callUnary(TestService.unary) }
      return zip(counts, before).map { $0.value - $1 }
    }

    @Test func `Round robin spreads calls over a list of addresses`() async throws {
      var configuration = CGrpcClientTransport.Configuration.defaults
      configuration.serviceConfig.loadBalancingConfig = [.roundRobin]
      #expect(try await Self.spread(configuration) == [10, 10, 10])
    }

    @Test func `Round robin leaves out servers that are gone`() async throws {
      var configuration = CGrpcClientTransport.Configuration.defaults
      configuration.serviceConfig.loadBalancingConfig = [.roundRobin]
      let client = configuration
      try await withServer { _, target in
        // Nothing listens on the discard port.
        let replies = try await withRunningClient(
          transport: try CGrpcClientTransport(target: "\(target),127.0.0.1:9", configuration: client)
        ) { client in
          var options = CallOptions.defaults
          options.waitForReady = true
          let waiting = options
          var replies: [[UInt8]] = []
          for _ in 0..<10 { replies.append(try await client.callUnary(TestService.unary, [1], options: waiting)) }
          return replies
        }
        #expect(replies == Array(repeating: [1], count: 10))
      }
      try await expectNoLiveObjects()
    }

    @Test(arguments: ["ipv4:127.0.0.1:9", "dns:///no-such-host.invalid:1", "unix:/no/such/socket"])
    func `Targets that cannot be reached are unavailable`(_ target: String) async throws {
      let error = try await rpcError { try await Self.call(target) }
      #expect(error.code == .unavailable)
      try await expectNoLiveObjects()
    }

    @Test func `Waiting for ready outlasts a server that comes later`() async throws {
      // A socket by name, which nobody else can take meanwhile as they could a port.
      let directory = try TemporaryDirectory()
      let address = "unix:\(directory.file("later.socket"))"

      var configuration = CGrpcClientTransport.Configuration.defaults
      configuration.backoff.initial = .milliseconds(20)
      configuration.backoff.max = .milliseconds(20)
      let transport = try CGrpcClientTransport(target: address, configuration: configuration)
      let reply = try await withRunningClient(transport: transport) { client in
        var options = CallOptions.timeout(.seconds(300))
        options.waitForReady = true
        let waiting = options
        let reply = Task { try await client.callUnary(TestService.unary, [1], options: waiting) }
        try await Task.sleep(for: .milliseconds(50))
        return try await Self.serve(address) { _ in try await reply.value }
      }
      #expect(reply == [1])
      try await expectNoLiveObjects()
    }

    @Test(arguments: ["", "ipv4:nonsense", "ipv4:1.2.3.4"])
    func `Malformed targets are refused`(_ target: String) async throws {
      let error = #expect(throws: TransportError.self) { _ = try CGrpcClientTransport(target: target) }
      #expect(error?.code == .invalidAddress)
      try await expectNoLiveObjects()
    }

    @Test func `A port in use is refused with its address`() async throws {
      do {
        let first = try CGrpcServerTransport(address: "127.0.0.1:0")
        let address = "127.0.0.1:\(first.boundPort ?? 0)"
        let error = #expect(throws: TransportError.self) { _ = try CGrpcServerTransport(address: address) }
        #expect(error?.code == .addressUnavailable)
        #expect(error?.message.contains(address) == true)
        #expect(error?.message.contains("already in use") == true)
      }
      try await expectNoLiveObjects()
    }

    @Test(arguments: [
      // Without a name server it fails otherwise: "Temporary failure in name resolution".
      ("no-such-host.invalid:1", "not known|name resolution"), ("203.0.113.1:0", "requested address"),
      ("127.0.0.1:99999", "port"),
      ("unix:/no/such/directory/socket", "No such file"), ("", "empty"), ("127.0.0.1", "port"),
    ])
    func `Addresses that cannot be listened on`(_ address: String, _ reason: String) async throws {
      let error = #expect(throws: TransportError.self) { _ = try CGrpcServerTransport(address: address) }
      #expect(error.map { [.addressUnavailable, .invalidAddress].contains($0.code) } == true)
      let isNamed = reason.split(separator: "|").contains { error?.message.contains($0) == true }
      #expect(isNamed, "\(String(describing: error))")
      try await expectNoLiveObjects()
    }

    @Test func `A Unix socket in use is refused and goes on serving`() async throws {
      let path = "/tmp/illmrec-test-\(getpid())-\(UInt32.random(in: 0 ... .max)).sock"
      try await Self.serve("unix:\(path)") { _ in
        let error = #expect(throws: TransportError.self) { _ = try CGrpcServerTransport(address: "unix:\(path)") }
        #expect(error?.message.contains("already in use") == true)
        let reply = try await Self.call("unix:\(path)")
        #expect(reply == [1])
      }
    }

    @Test func `A socket file left behind is replaced`() async throws {
      let path = "/tmp/illmrec-test-\(getpid())-\(UInt32.random(in: 0 ... .max)).sock"
      try leaveSocket(at: path)
      let reply = try await Self.serve("unix:\(path)") { _ in try await Self.call("unix:\(path)") }
      #expect(reply == [1])
    }

    /// Binds a socket and closes it, as a server that was killed does.
    private func leaveSocket(at path: String) throws {
      let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
      defer { close(descriptor) }
      var address = sockaddr_un()
      address.sun_family = sa_family_t(AF_UNIX)
      withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
      let status = withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
      }
      try #require(status == 0)
    }

    @Test(arguments: [0, 65, -1])
    func `A number of queue threads out of range is refused`(_ count: Int) throws {
      var configuration = CGrpcServerTransport.Configuration.defaults
      configuration.queueThreads = count
      let error = #expect(throws: TransportError.self) {
        _ = try CGrpcServerTransport(address: "127.0.0.1:0", configuration: configuration)
      }
      #expect(error?.code == .invalidConfiguration)
      #expect(error?.message.contains("queueThreads") == true)
    }
  }
}
