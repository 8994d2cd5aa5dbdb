// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import GRPCTransport
import Synchronization
import TestSupport
import Testing

extension CoreTests {
  /// A slow reader stops its writer: what is under way stays far below what would be sent.
  ///
  /// Under way are, in each direction, core's flow-control windows and socket buffers, this transport's 64 KiB and a message or two.
  /// On the loopback interface that is a few MiB; the bound leaves room for kernels with larger buffers.
  @Suite("A slow reader stops its writer") struct BackpressureTests {
    static let messageBytes = 64 * 1024
    static let messages = 2000
    static let mostUnderWay = 32 * 1024 * 1024

    /// Waits until `count` has not grown for a while.
    static func waitUntilStill(_ count: Counter) async throws -> Int {
      var last = -1
      while true {
        let now = count.value
        if now == last && now > 0 { return now }
        last = now
        try await Task.sleep(for: .milliseconds(200))
      }
    }

    @Test func `A slow handler stops the client`() async throws {
      let mayRead = Signal()
      let service = TestService.all { request, _ in
        await mayRead.wait()
        var count = 0
        for try await _ in request.messages { count += 1 }
        let total = [UInt8(truncatingIfNeeded: count), UInt8(truncatingIfNeeded: count >> 8)]
        return StreamingServerResponse { writer in
          try await writer.write(total)
          return [:]
        }
      }
      try await withClient(of: service) { client, _ in
        let written = Counter()
        let call = Task {
          try await client.stream(TestService.clientStreaming) { writer in
            let message = [UInt8](repeating: 1, count: Self.messageBytes)
            for _ in 0..<Self.messages {
              try await writer.write(message)
              written.increment()
            }
          } consume: { response in
            var total: [UInt8] = []
            for try await message in response.messages { total = message }
            return total
          }
        }
        let underWay = try await Self.waitUntilStill(written)
        #expect(underWay * Self.messageBytes < Self.mostUnderWay)
        mayRead.send()
        let total = try await call.value
        #expect(Int(total[0]) | Int(total[1]) << 8 == Self.messages)
      }
    }

    @Test func `A slow client stops the handler`() async throws {
      let written = Counter()
      let service = TestService.all { _, _ in
        StreamingServerResponse { writer in
          let message = [UInt8](repeating: 1, count: Self.messageBytes)
          for _ in 0..<Self.messages {
            try await writer.write(message)
            written.increment()
          }
          return [:]
        }
      }
      try await withClient(of: service) { client, _ in
        let received = try await client.stream(TestService.serverStreaming) { writer in
          try await writer.write([])
        } consume: { response in
          let underWay = try await Self.waitUntilStill(written)
          #expect(underWay * Self.messageBytes < Self.mostUnderWay)
          var received = 0
          for try await _ in response.messages { received += 1 }
          return received
        }
        #expect(received == Self.messages)
      }
    }

    @Test func `A stopped call does not stop others`() async throws {
      let mayRead = Signal()
      let service = TestService(handlers: [
        TestService.clientStreaming: { request, context in
          await mayRead.wait()
          return try await TestService.echoOnce(request, context)
        },
        TestService.unary: TestService.echoOnce,
      ])
      try await withClient(of: service) { client, _ in
        let written = Counter()
        let stopped = Task {
          try await client.stream(TestService.clientStreaming) { writer in
            for _ in 0..<Self.messages {
              try await writer.write([UInt8](repeating: 1, count: Self.messageBytes))
              written.increment()
            }
          } consume: { response in
            for try await _ in response.messages {}
          }
        }
        _ = try await Self.waitUntilStill(written)
        let reply = try await client.callUnary(TestService.unary, [1, 2])
        #expect(reply == [1, 2])
        stopped.cancel()
        mayRead.send()
        _ = await stopped.result
      }
    }
  }
}
