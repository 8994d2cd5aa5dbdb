import Testing

@testable import RetrievalService

@Suite("A bounded buffer between two tasks")
struct BoundedBufferTests {
  @Test("everything arrives in order, and no more than the capacity waits")
  func order() async throws {
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

  @Test("what was sent before the end is taken before it")
  func finish() async throws {
    let buffer = BoundedBuffer<Int>(capacity: 2)
    try await buffer.send(1)
    buffer.finish()
    #expect(try await buffer.takeAll() == [1])
    #expect(try await buffer.takeAll() == nil)
  }

  @Test("a cancelled sender and a cancelled taker stop waiting", arguments: [true, false])
  func cancellation(isSender: Bool) async throws {
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
}
