// SPDX-License-Identifier: Apache-2.0

import Synchronization
import Testing

@testable import Basics

@Suite("A worker pool runs work on threads of its own", .timeLimit(.minutes(60))) struct WorkerPoolTests {
  @Test func `A pool maps in order on several threads`() async throws {
    let pool = try WorkerPool(name: "test", threads: 3)
    #expect(pool.map(Array(0..<1000)) { $0 * $0 } == (0..<1000).map { $0 * $0 })
    #expect(pool.map([Int]()) { $0 }.isEmpty)
    await pool.shutdown()
  }

  @Test func `A pool runs pieces of work beside each other`() async throws {
    let pool = try WorkerPool(name: "test", threads: 2)
    // Each waits until the other has begun.
    let begun = Atomic(0)
    let meet: @Sendable () -> Int = {
      begun.add(1, ordering: .relaxed)
      while begun.load(ordering: .relaxed) < 2 {}
      return 1
    }
    async let one = pool.run(meet)
    async let other = pool.run(meet)
    #expect(await one + other == 2)
    await pool.shutdown()
  }

  @Test func `A pool finishes what was queued`() async throws {
    let pool = try WorkerPool(name: "test", threads: 1)
    let sum = await withTaskGroup(of: Int.self) { group in
      for index in 0..<100 { group.addTask { await pool.run { index } } }
      return await group.reduce(0, +)
    }
    await pool.shutdown()
    await pool.shutdown()
    #expect(sum == 4950)
  }
}
