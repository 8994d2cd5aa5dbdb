// SPDX-License-Identifier: Apache-2.0

import Dispatch

/// A counting semaphore between threads: a post before the wait is not lost. Never to be waited for on a thread of Swift's
/// cooperative pool.
package final class Semaphore: Sendable {
  private let count: DispatchSemaphore

  /// - Parameter count: posts that are there from the beginning.
  package init(count: Int = 0) {
    self.count = DispatchSemaphore(value: 0)
    for _ in 0..<count { self.count.signal() }
  }

  package func post() { count.signal() }

  /// Blocks the calling thread.
  package func wait() { count.wait() }

  /// Blocks the calling thread for `patience` at most, by a clock that nobody sets.
  ///
  /// - Returns: whether there was a post.
  package func wait(for patience: Duration) -> Bool {
    count.wait(timeout: .now() + .microseconds(Int(patience.microseconds))) == .success
  }
}
