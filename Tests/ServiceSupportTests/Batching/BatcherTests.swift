// SPDX-License-Identifier: Apache-2.0

import Basics
import GRPCCore
import Synchronization
import TestSupport
import Testing

@testable import ServiceSupport

@Suite("A batcher computes requests on a thread of its own", .timeLimit(.minutes(60))) struct BatcherTests {
  private typealias IntBatcher = Batcher<Int, Int>

  @Test func `Requests are computed and their times reported`() async throws {
    let batcher = try IntBatcher(name: "test", maxQueueCost: 10, maxBatchCost: 10) { requests, _ in
      requests.map { .success($0 * 2) }
    }
    let result = try await batcher.submit(21, cost: 1)
    #expect(result.value == 42)
    #expect(result.timing.batchSize == 1)
    #expect(result.timing.queueTime >= .zero)
    #expect(result.timing.computeTime >= .zero)
    await batcher.shutdown()
  }

  @Test func `Requests gather while the thread is busy`() async throws {
    let gate = Gate()
    let batcher = try IntBatcher(name: "test", maxQueueCost: 100, maxBatchCost: 100) { requests, _ in
      if requests == [0] { gate.pass() }
      return requests.map { .success($0) }
    }
    async let first = batcher.submit(0, cost: 1)
    try await gate.waitForArrivals()
    try await withThrowingTaskGroup(of: Batched<Int>.self) { group in
      for i in 1...8 { group.addTask { try await batcher.submit(i, cost: 1) } }
      try await waitUntil { batcher.queuedCost == 8 }
      gate.letOnePass()
      for try await result in group { #expect(result.timing.batchSize == 8) }
    }
    #expect(try await first.timing.batchSize == 1)
    await batcher.shutdown()
  }

  @Test func `Each request gets its own outcome`() async throws {
    struct Odd: Error {}
    let batcher = try IntBatcher(name: "test", maxQueueCost: 100, maxBatchCost: 2) { requests, _ in
      requests.map { $0 % 2 == 0 ? .success($0) : .failure(Odd()) }
    }
    let outcomes = try await batcher.submit(contentsOf: (0..<6).map { ($0, 1) })
    #expect(outcomes.map { try? $0.get().value } == [0, nil, 2, nil, 4, nil])
    await #expect(throws: Odd.self) { try await batcher.submit(1, cost: 1) }
    #expect(try await batcher.submit(contentsOf: []).isEmpty)
    await batcher.shutdown()
  }

  @Test func `A computation in the background gives way to a caller and is done when there is none`() async throws {
    let begun = Gate()
    let timesBegun = Atomic(0)
    let batcher = try IntBatcher(name: "test", maxQueueCost: 100, maxBatchCost: 100) { requests, context in
      guard requests == [0] else { return requests.map { .success($0) } }
      // The first time it takes for ever, as long as nobody comes.
      if timesBegun.add(1, ordering: .relaxed).newValue == 1 {
        begun.pass()
        block { context.isCancelled(0) }
        return [.failure(CancellationError())]
      }
      return [.success(42)]
    }
    async let background = batcher.submit(0, cost: 1, whenFull: .giveWay)
    try await begun.waitForArrivals()
    begun.letOnePass()
    let caller = try await batcher.submit(1, cost: 1)
    #expect(caller.value == 1)
    let given = try await background
    #expect(given.value == 42)
    #expect(timesBegun.load(ordering: .relaxed) == 2)
    await batcher.shutdown()
  }

  @Test func `A full queue refuses with a delay`() async throws {
    let gate = Gate()
    let batcher = try IntBatcher(name: "llm", maxQueueCost: 4, maxBatchCost: 4) { requests, _ in
      gate.pass()
      return requests.map { .success($0) }
    }
    async let computing = batcher.submit(0, cost: 4)
    try await gate.waitForArrivals()
    async let queued = batcher.submit(1, cost: 4)
    try await waitUntil { batcher.queuedCost == 4 }
    let failure = await #expect(throws: ServiceFailure.self) { try await batcher.submit(2, cost: 1) }
    #expect(failure?.code == .resourceExhausted)
    #expect(failure?.reason == "QUEUE_FULL")
    #expect(failure?.retryAfter != nil)
    let tooLarge = await #expect(throws: ServiceFailure.self) { try await batcher.submit(3, cost: 5) }
    #expect(tooLarge?.reason == "REQUEST_TOO_LARGE")
    #expect(tooLarge?.code == .invalidArgument)
    gate.letOnePass()
    gate.letOnePass()
    #expect(try await computing.value == 0)
    #expect(try await queued.value == 1)
    await batcher.shutdown()
  }

  @Test func `Those who wait for room are computed in the end`() async throws {
    let batcher = try IntBatcher(name: "test", maxQueueCost: 4, maxBatchCost: 2) { requests, _ in
      requests.map { .success($0) }
    }
    let sum = try await withThrowingTaskGroup(of: Int.self) { group in
      for i in 1...100 { group.addTask { try await batcher.submit(i, cost: 2, whenFull: .wait).value } }
      return try await group.reduce(0, +)
    }
    #expect(sum == 5050)
    await batcher.shutdown()
  }

  @Test func `A cancelled request in the queue is never computed`() async throws {
    let gate = Gate()
    let seen = Mutex<[Int]>([])
    let batcher = try IntBatcher(name: "test", maxQueueCost: 10, maxBatchCost: 10) { requests, _ in
      seen.withLock { $0 += requests }
      if requests == [0] { gate.pass() }
      return requests.map { .success($0) }
    }
    async let first = batcher.submit(0, cost: 1)
    try await gate.waitForArrivals()
    let cancelled = Task { try await batcher.submit(1, cost: 5) }
    try await waitUntil { batcher.queuedCost == 5 }
    cancelled.cancel()
    await #expect(throws: CancellationError.self) { try await cancelled.value }
    #expect(batcher.queuedCost == 0)
    gate.letOnePass()
    _ = try await first
    _ = try await batcher.submit(2, cost: 1)
    #expect(seen.withLock(\.self) == [0, 2])
    await batcher.shutdown()
  }

  @Test func `Cancellation is seen between layers`() async throws {
    let gate = Gate()
    let layers = Atomic(0)
    let batcher = try IntBatcher(name: "test", maxQueueCost: 10, maxBatchCost: 10) { requests, context in
      #expect(!context.isCancelled())
      gate.pass()
      while !context.isCancelled() { layers.add(1, ordering: .relaxed) }
      #expect(context.isCancelled(0))
      return requests.map { _ in .failure(CancellationError()) }
    }
    let task = Task { try await batcher.submit(0, cost: 1) }
    try await gate.waitForArrivals()
    gate.letOnePass()
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
    // Returns only because `process` saw the cancellation.
    await batcher.shutdown(drain: true)
  }

  @Test func `A batch goes on while anybody waits`() async throws {
    let gate = Gate()
    let batcher = try IntBatcher(name: "test", maxQueueCost: 10, maxBatchCost: 10) { requests, context in
      gate.pass()
      guard requests.count == 2 else { return requests.map { .success($0) } }
      while !context.isCancelled(0) && !context.isCancelled(1) {}
      return requests.map { .success(context.isCancelled() ? -1 : $0) }
    }
    async let busy = batcher.submit(0, cost: 1)
    try await gate.waitForArrivals()
    let leaves = Task { try await batcher.submit(1, cost: 1) }
    async let stays = batcher.submit(2, cost: 1)
    try await waitUntil { batcher.queuedCost == 2 }
    gate.letOnePass()
    try await gate.waitForArrivals(2)
    gate.letOnePass()
    leaves.cancel()
    #expect(try await stays.value == 2)
    await #expect(throws: CancellationError.self) { try await leaves.value }
    _ = try await busy
    await batcher.shutdown()
  }

  @Test func `An RPC's cancellation counts`() async throws {
    let gate = Gate()
    let batcher = try IntBatcher(name: "test", maxQueueCost: 10, maxBatchCost: 10) { requests, _ in
      gate.pass()
      return requests.map { .success($0) }
    }
    async let busy = batcher.submit(0, cost: 1)
    try await gate.waitForArrivals()
    await withServerContextRPCCancellationHandle { handle in
      // A child task: it inherits the RPC.
      async let outcome = Result(catchingAsync: { try await batcher.submit(1, cost: 1) })
      try? await waitUntil { batcher.queuedCost == 1 }
      handle.cancel()
      let result = await outcome
      #expect(throws: CancellationError.self) { try result.get() }
    }
    gate.letOnePass()
    _ = try await busy
    await batcher.shutdown()
  }

  @Test func `A passed deadline is not computed`() async throws {
    let gate = Gate()
    let batcher = try IntBatcher(name: "llm", maxQueueCost: 10, maxBatchCost: 10) { requests, _ in
      gate.pass()
      return requests.map { .success($0) }
    }
    async let busy = batcher.submit(0, cost: 1)
    try await gate.waitForArrivals()
    let late = Task { try await batcher.submit(1, cost: 1, deadline: .now) }
    try await waitUntil { batcher.queuedCost == 1 }
    gate.letOnePass()
    let failure = await #expect(throws: ServiceFailure.self) { try await late.value }
    #expect(failure?.code == .deadlineExceeded)
    _ = try await busy
    await batcher.shutdown()
  }

  @Test func `Shutdown answers everybody and ends the thread`() async throws {
    let gate = Gate()
    let batcher = try IntBatcher(name: "test", maxQueueCost: 10, maxBatchCost: 1) { requests, context in
      gate.pass()
      return requests.map { context.isCancelled() ? .failure(CancellationError()) : .success($0) }
    }
    let computing = Task { try await batcher.submit(0, cost: 1) }
    try await gate.waitForArrivals()
    let queued = Task { try await batcher.submit(1, cost: 1) }
    try await waitUntil { batcher.queuedCost == 1 }
    let waiting = Task { try await batcher.submit(2, cost: 1, whenFull: .wait) }
    try await waitUntil { batcher.waitingCount == 1 }
    async let end: Void = batcher.shutdown()
    for task in [queued, waiting] {
      let failure = await #expect(throws: ServiceFailure.self) { try await task.value }
      #expect(failure?.reason == "SHUTTING_DOWN")
    }
    gate.letOnePass()
    await #expect(throws: CancellationError.self) { try await computing.value }
    await end
    let refused = await #expect(throws: ServiceFailure.self) { try await batcher.submit(3, cost: 1) }
    #expect(refused?.code == .unavailable)
    // A second shutdown has nothing left to do.
    await batcher.shutdown()
  }

  @Test func `A dropped batcher ends its thread`() async throws {
    let process = Token()
    weak let weakProcess = process
    do {
      let batcher = try IntBatcher(name: "test", maxQueueCost: 1, maxBatchCost: 1) { [process] requests, _ in
        withExtendedLifetime(process) { requests.map { .success($0) } }
      }
      _ = try await batcher.submit(1, cost: 1)
    }
    _ = consume process
    try await waitUntil { weakProcess == nil }
  }

  /// Many callers, some of whom leave: everyone gets exactly one answer, and nothing is left behind.
  @Test func `Among many callers, some of whom leave, everyone gets exactly one answer`() async throws {
    let computed = Atomic(0)
    let batcher = try IntBatcher(name: "test", maxQueueCost: 64, maxBatchCost: 16) { requests, context in
      computed.add(requests.count, ordering: .relaxed)
      return requests.map { context.isCancelled() ? .failure(CancellationError()) : .success($0) }
    }
    let answers = await withTaskGroup(of: (right: Int, cancelled: Int, refused: Int).self) { group in
      for i in 0..<3000 {
        group.addTask {
          let task = Task {
            try await batcher.submit(i, cost: i % 7 + 1, whenFull: i % 3 == 0 ? .refuse : .wait)
          }
          if i % 5 == 0 { task.cancel() }
          switch await task.result {
          case .success(let result): return (result.value == i ? 1 : 0, 0, 0)
          case .failure(is CancellationError): return (0, 1, 0)
          case .failure(let error): return (0, 0, (error as? ServiceFailure)?.reason == "QUEUE_FULL" ? 1 : 0)
          }
        }
      }
      return await group.reduce((0, 0, 0)) { ($0.0 + $1.right, $0.1 + $1.cancelled, $0.2 + $1.refused) }
    }
    #expect(answers.0 + answers.1 + answers.2 == 3000)
    #expect(answers.0 >= 1600, "those who neither left nor refused to wait")
    #expect(batcher.queuedCost == 0)
    await batcher.shutdown()
  }
}

private final class Token: Sendable {}

extension Result where Failure == any Error {
  init(catchingAsync body: () async throws -> Success) async {
    do { self = .success(try await body()) } catch { self = .failure(error) }
  }
}
