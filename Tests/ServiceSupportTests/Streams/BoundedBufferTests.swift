// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import ServiceSupport

@Suite("A bounded buffer lies between two tasks")
struct BoundedBufferTests {
  @Test
  func `Everything arrives in order, and no more than the capacity waits`() async throws {
    let buffer = BoundedBuffer<Int>(capacity: 3)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        for element in 0..<1000 { try await buffer.send(element) }
        buffer.finish()
      }
      var taken: [Int] = []
      while let elements = try await buffer.takeAll() {
        #expect((1...3).contains(elements.count))
        taken += elements
      }
      #expect(taken == Array(0..<1000))
      try await group.waitForAll()
    }
    #expect(try await buffer.takeAll() == nil)
  }

  @Test
  func `What was sent before the end is taken before it`() async throws {
    let buffer = BoundedBuffer<Int>(capacity: 2)
    try await buffer.send(1)
    buffer.finish()
    #expect(try await buffer.takeAll() == [1])
    #expect(try await buffer.takeAll() == nil)
  }

  @Test(arguments: [true, false])
  func `A cancelled sender and a cancelled taker stop waiting`(isSender: Bool) async throws {
    let buffer = BoundedBuffer<Int>(capacity: 1)
    if isSender { try await buffer.send(0) }
    let waiting = Task {
      if isSender { try await buffer.send(1) } else { _ = try await buffer.takeAll() }
    }
    try await Task.sleep(for: .milliseconds(5))
    waiting.cancel()
    await #expect(throws: CancellationError.self) { try await waiting.value }
    if isSender { #expect(try await buffer.takeAll() == [0]) }
  }

  @Test(.timeLimit(.minutes(60)), arguments: [true, false])
  func `A sender and a taker that were cancelled before they wait stop as well`(isSender: Bool) async throws {
    let buffer = BoundedBuffer<Int>(capacity: 1)
    if isSender { try await buffer.send(0) }
    let waiting = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      if isSender { try await buffer.send(1) } else { _ = try await buffer.takeAll() }
    }
    await #expect(throws: CancellationError.self) { try await waiting.value }
  }
}
