// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import GRPCTransport
import Synchronization
import TestSupport
import Testing

extension CoreTests {
  @Suite("Load leaves nothing behind") struct StressTests {
    /// Echoes each message; some after a while, some not at all, as its first byte says.
    static let service = TestService.all { request, _ in
      StreamingServerResponse { writer in
        for try await message in request.messages {
          let byte = message.first ?? 0
          if byte % 3 == 0 { try await Task.sleep(for: .microseconds(Int(byte) * 20)) }
          if byte % 7 == 1 { throw RPCError(code: .aborted, message: "as asked") }
          try await writer.write(message)
        }
        return [:]
      }
    }

    /// One call as `random` decides: its kind, its messages, its deadline, and whether it is cancelled on the way.
    static func call(_ client: Client, _ random: inout SeededGenerator) async -> RPCError.Code? {
      let method = TestService.allMethods[Int.random(in: 0..<4, using: &random)]
      let count = method.isRequestStreaming ? Int.random(in: 0..<8, using: &random) : 1
      let bytes = Int.random(in: 1..<20_000, using: &random)
      let first = UInt8.random(in: .min ... .max, using: &random)
      let messages = Array(repeating: [UInt8](repeating: first, count: bytes), count: count)
      var options = CallOptions.defaults
      if Bool.random(using: &random) { options.timeout = .microseconds(Int.random(in: 1..<20_000, using: &random)) }
      let patience = Bool.random(using: &random) ? Int.random(in: 0..<5_000, using: &random) : nil
      let chosen = options

      let task = Task { try await client.callStreaming(method, messages, options: chosen) }
      if let patience {
        try? await Task.sleep(for: .microseconds(patience))
        task.cancel()
      }
      do {
        let replies = try await task.value
        #expect(replies == messages)
        return nil
      } catch let error as RPCError {
        return error.code
      } catch {
        Issue.record(error)
        return .unknown
      }
    }

    static func run(calls: Int, lanes: Int, _ client: Client) async -> [RPCError.Code?: Int] {
      await withTaskGroup(of: [RPCError.Code?: Int].self) { group in
        for lane in 0..<lanes {
          group.addTask {
            var random = SeededGenerator(seed: UInt64(lane))
            var outcomes: [RPCError.Code?: Int] = [:]
            for _ in 0..<calls / lanes { outcomes[await call(client, &random), default: 0] += 1 }
            return outcomes
          }
        }
        return await group.reduce(into: [:]) { $0.merge($1, uniquingKeysWith: +) }
      }
    }

    @Test func `Mixed calls with cancellations and deadlines leave nothing`() async throws {
      let outcomes = try await withClient(of: Self.service) { client, _ in
        await Self.run(calls: 4_000, lanes: 32, client)
      }
      #expect(outcomes.values.reduce(0, +) == 4_000)
      // Each way to end is met, and no other.
      for code in [nil, RPCError.Code.cancelled, .deadlineExceeded, .aborted] {
        #expect(outcomes[code, default: 0] > 10, "\(String(describing: code)): \(outcomes)")
      }
      #expect(outcomes.count == 4, "\(outcomes)")
    }

    @Test func `Clients that come and go leave nothing`() async throws {
      try await withServer(of: Self.service) { _, target in
        try await withThrowingTaskGroup(of: Void.self) { group in
          for lane in 0..<8 {
            group.addTask {
              var random = SeededGenerator(seed: UInt64(1000 + lane))
              for _ in 0..<5 {
                let transport = try CGrpcClientTransport(target: target)
                try await withRunningClient(transport: transport) { client in
                  for _ in 0..<10 { _ = await Self.call(client, &random) }
                }
              }
            }
          }
          try await group.waitForAll()
        }
      }
      try await expectNoLiveObjects()
    }

    @Test func `A server forced to stop under load leaves nothing`() async throws {
      for round in 0..<5 {
        let transport = try CGrpcServerTransport(address: "127.0.0.1:0")
        let server = GRPCServer(transport: transport, services: [Self.service])
        let serving = Task { try await server.serve() }
        let target = "ipv4:127.0.0.1:\(transport.boundPort ?? 0)"
        try await withRunningClient(transport: try CGrpcClientTransport(target: target)) { client in
          async let outcomes = Self.run(calls: 320, lanes: 32, client)
          try await Task.sleep(for: .milliseconds(5 * round))
          serving.cancel()
          let total = await outcomes.values.reduce(0, +)
          #expect(total == 320)
        }
        try await serving.value
      }
      try await expectNoLiveObjects()
    }
  }
}
