// SPDX-License-Identifier: Apache-2.0

import Synchronization
import Testing

@testable import Basics

@Suite("A dedicated thread runs and is joined") struct DedicatedThreadTests {
  @Test func `Join returns after the body`() async throws {
    let hasRun = Atomic(false)
    let thread = try DedicatedThread(name: "test") { hasRun.store(true, ordering: .releasing) }
    await thread.join()
    let ran = hasRun.load(ordering: .acquiring)
    #expect(ran)
    await thread.join()
  }

  @Test func `Many tasks may join`() async throws {
    let start = Semaphore()
    let thread = try DedicatedThread(name: "test") { start.wait() }
    await withTaskGroup { group in
      for _ in 0..<4 { group.addTask { await thread.join() } }
      start.post()
    }
  }

  @Test func `Results and errors come back`() async throws {
    struct Broken: Error {}
    #expect(try await DedicatedThread.run(name: "test") { 7 } == 7)
    await #expect(throws: Broken.self) { try await DedicatedThread.run(name: "test") { throw Broken() } }
  }

  @Test func `The stack is as large as asked`() async throws {
    // 12 MiB would overflow a usual 8 MiB stack.
    let sum = Atomic(0)
    let thread = try DedicatedThread(name: "test", stackBytes: 16 << 20) {
      withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 12 << 20) { bytes in
        bytes.initialize(repeating: 1)
        sum.store(Int(bytes[0]) + Int(bytes[bytes.count - 1]), ordering: .relaxed)
      }
    }
    await thread.join()
    let result = sum.load(ordering: .relaxed)
    #expect(result == 2)
  }
}
