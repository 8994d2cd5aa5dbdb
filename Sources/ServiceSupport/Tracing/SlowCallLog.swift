// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Which slow calls have a line in the log: those that take longer than they may, and only so many a second.
package final class SlowCallLog: Sendable {
  private struct State {
    var second = ContinuousClock.now
    var lines = 0
    var leftOut = 0
  }

  private static let linesPerSecond = 5

  private let limit: Duration
  private let state = Mutex(State())

  /// - Parameter limit: what a call may take.
  package init(limit: Duration) {
    self.limit = limit
  }

  /// - Returns: how many slow calls had no line since the last; nil where this one has none.
  func takeLine(for duration: Duration, now: ContinuousClock.Instant = .now) -> Int? {
    guard duration >= limit else { return nil }
    return state.withLock { state in
      if state.second.duration(to: now) >= .seconds(1) { (state.second, state.lines) = (now, 0) }
      guard state.lines < Self.linesPerSecond else {
        state.leftOut += 1
        return nil
      }
      state.lines += 1
      defer { state.leftOut = 0 }
      return state.leftOut
    }
  }
}
