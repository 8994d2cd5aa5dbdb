// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import ServiceSupport

@Suite("Work that waits for too long is given up", .timeLimit(.minutes(60)))
struct IdleWatchTests {
  private struct Idle: Error {}

  @Test func `Work that waits for too long ends with the failure, and is cancelled`() async throws {
    let cancelled = AsyncStream.makeStream(of: Void.self)
    await #expect(throws: Idle.self) {
      try await IdleWatch.run(limit: .milliseconds(20), failure: Idle()) { watch in
        try await watch.waiting {
          do {
            try await Task.sleep(for: .seconds(3600))
          } catch {
            cancelled.continuation.yield()
            throw error
          }
        }
      }
    }
    for await _ in cancelled.stream { break }
  }

  @Test func `Short waits and long work are no idleness`() async throws {
    let value = try await IdleWatch.run(limit: .seconds(1800), failure: Idle()) { watch in
      for _ in 0..<50 { await watch.waiting { await Task.yield() } }
      return 5
    }
    #expect(value == 5)
    // Work beside the waits is not timed.
    let other = try await IdleWatch.run(limit: .milliseconds(1), failure: Idle()) { _ in
      try await Task.sleep(for: .milliseconds(30))
      return 6
    }
    #expect(other == 6)
  }

  @Test func `An error of the work is its own`() async {
    await #expect(throws: CancellationError.self) {
      try await IdleWatch.run(limit: .seconds(1800), failure: Idle()) { _ in throw CancellationError() }
    }
  }
}
