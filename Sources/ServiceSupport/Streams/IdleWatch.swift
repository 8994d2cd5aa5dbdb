// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Gives up work that waits for somebody else for too long at a time.
package final class IdleWatch: Sendable {
  private let limit: Duration
  private let waitingSince = Mutex<ContinuousClock.Instant?>(nil)

  private init(limit: Duration) { self.limit = limit }

  /// Runs `work`, and cancels it once one of its waits has taken as long as `limit`.
  ///
  /// - Parameters:
  ///   - work: says by ``waiting(for:)`` when it waits.
  ///   - failure: thrown in place of what the cancelled work throws.
  package static func run<Value: Sendable>(
    limit: Duration, failure: any Error, _ work: @escaping @Sendable (IdleWatch) async throws -> Value
  ) async throws -> Value {
    let watch = IdleWatch(limit: limit)
    return try await withThrowingTaskGroup(of: Value?.self) { group in
      group.addTask { try await work(watch) }
      group.addTask {
        try await watch.sleepUntilIdle()
        return nil
      }
      defer { group.cancelAll() }
      guard let value = try await group.next() ?? nil else { throw failure }
      return value
    }
  }

  package func waiting<Value>(for next: () async throws -> Value) async rethrows -> Value {
    waitingSince.withLock { $0 = .now }
    defer { waitingSince.withLock { $0 = nil } }
    return try await next()
  }

  /// Returns once a wait has taken too long.
  private func sleepUntilIdle() async throws {
    while true {
      let end = (waitingSince.withLock(\.self) ?? .now) + limit
      try await Task.sleep(until: end, clock: .continuous)
      if let since = waitingSince.withLock(\.self), since + limit <= .now { return }
    }
  }
}
