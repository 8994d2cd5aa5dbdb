// SPDX-License-Identifier: Apache-2.0

package import Logging
import Synchronization

/// Logs how far long work is: when it begins to take long, every few seconds, with its rate.
package final class ProgressLog: Sendable {
  private struct State {
    var what = ""
    var begun = ContinuousClock.now
    var logged = ContinuousClock.now
  }

  private let logger: Logger
  private let interval: Duration
  private let state = Mutex(State())

  package init(_ logger: Logger, interval: Duration = .seconds(2)) {
    self.logger = logger
    self.interval = interval
  }

  /// `done` of `total` bytes of `what` are done; from any thread.
  package func progress(_ what: String, done: Int, total: Int) {
    let now = ContinuousClock.now
    let seconds: Double? = state.withLock { state in
      if state.what != what { state = State(what: what, begun: now, logged: now) }
      guard now - state.logged >= interval else { return nil }
      state.logged = now
      return (now - state.begun) / .seconds(1)
    }
    guard let seconds, total > 0 else { return }
    logger.notice(
      "\(what)",
      metadata: [
        "percent": "\(100 * done / total)", "of_mb": "\(total / 1_000_000)",
        "mb_per_second": "\(Int(Double(done) / seconds / 1e6))",
      ])
  }
}
