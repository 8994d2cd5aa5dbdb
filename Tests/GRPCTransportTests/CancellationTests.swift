// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import GRPCTransport
import Synchronization
import TestSupport
import Testing

extension CoreTests {
  @Suite("Cancellation reaches the other side") struct CancellationTests {
    @Test(arguments: TestService.allMethods)
    func `Cancelling the caller's task cancels the handler`(_ method: MethodDescriptor) async throws {
      let (started, cancelled) = (Signal(), Signal())
      let service = TestService.all(TestService.untilCancelled(started: started, cancelled: cancelled))
      try await withClient(of: service) { client, _ in
        let call = Task { try await client.callStreaming(method, [[]]) }
        await started.wait()
        call.cancel()
        await cancelled.wait()
        let error = try await rpcError { try await call.value }
        #expect(error.code == .cancelled)
      }
    }

    @Test func `A task cancelled before its call begins makes none`() async throws {
      try await withClient { client, _ in
        let call = Task {
          withUnsafeCurrentTask { $0?.cancel() }
          return try await client.callUnary(TestService.unary)
        }
        let error = try await rpcError { try await call.value }
        #expect(error.code == .cancelled)
      }
    }

    @Test func `A call may be cancelled after the first response`() async throws {
      let cancelled = Signal()
      let service = TestService.all { _, context in
        StreamingServerResponse { writer in
          try await writer.write([1])
          try await context.cancellation.cancelled
          cancelled.send()
          return [:]
        }
      }
      try await withClient(of: service) { client, _ in
        let first = try await client.stream(TestService.bidirectional) { _ in
        } consume: { response in
          for try await message in response.messages { return message }
          return []
        }
        // Leaving the response's scope cancels the call.
        #expect(first == [1])
        await cancelled.wait()
      }
    }

    /// Whether the handler took the stream for complete when its client broke it off.
    static func breakOff() async throws -> Bool {
      let isComplete = Mutex<Bool?>(nil)
      let (started, ended) = (Signal(), Signal())
      let service = TestService.all { request, _ in
        defer { ended.send() }
        do {
          for try await _ in request.messages { started.send() }
          isComplete.withLock { $0 = true }
        } catch let error as RPCError where error.code == .cancelled {
          isComplete.withLock { $0 = false }
        }
        return StreamingServerResponse { _ in [:] }
      }
      try await withClient(of: service) { client, _ in
        let call = Task {
          try await client.stream(TestService.clientStreaming) { writer in
            try await writer.write([1])
            try await Task.sleep(for: .seconds(3600))
          } consume: { response in
            for try await _ in response.messages {}
          }
        }
        await started.wait()
        call.cancel()
        _ = await call.result
        await ended.wait()
      }
      return try #require(isComplete.withLock { $0 } as Bool?)
    }

    @Test func `A request stream that breaks off is not taken for a complete one`() async throws {
      // Core reports both with an empty receive, and this must not depend on timing.
      for _ in 0..<100 {
        let isComplete = try await Self.breakOff()
        #expect(!isComplete)
      }
    }

    @Test func `Writing to a cancelled call fails`() async throws {
      let failed = Signal()
      let service = TestService.all { _, context in
        StreamingServerResponse { writer in
          try await writer.write([1])
          try await context.cancellation.cancelled
          await #expect(throws: RPCError.self) {
            // The first writes may be accepted before the cancellation is noticed.
            while true { try await writer.write([2]) }
          }
          failed.send()
          return [:]
        }
      }
      try await withClient(of: service) { client, _ in
        try await client.stream(TestService.serverStreaming) { writer in
          try await writer.write([])
        } consume: { response in
          for try await _ in response.messages { break }
        }
        await failed.wait()
      }
    }

    @Test func `A client that vanishes cancels its calls`() async throws {
      let (started, cancelled) = (Signal(), Signal())
      let service = TestService.all(TestService.untilCancelled(started: started, cancelled: cancelled))
      try await withServer(of: service) { _, target in
        let connection = Task {
          try await withRunningClient(transport: try CGrpcClientTransport(target: target)) { client in
            try await client.callStreaming(TestService.bidirectional, [[1]])
          }
        }
        await started.wait()
        connection.cancel()
        await cancelled.wait()
        _ = await connection.result
      }
      try await expectNoLiveObjects()
    }

    @Test func `Cancellation handlers run`() async throws {
      let (started, handled) = (Signal(), Signal())
      let service = TestService.all { _, _ in
        await withRPCCancellationHandler {
          started.send()
          await handled.wait()
        } onCancelRPC: {
          handled.send()
        }
        return StreamingServerResponse { _ in [:] }
      }
      try await withClient(of: service) { client, _ in
        let call = Task { try await client.callUnary(TestService.unary) }
        await started.wait()
        call.cancel()
        await handled.wait()
        _ = await call.result
      }
    }
  }
}
