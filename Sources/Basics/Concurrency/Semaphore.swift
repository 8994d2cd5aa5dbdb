// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A counting semaphore between threads: a post before the wait is not lost. Never to be waited for on a thread of Swift's
/// cooperative pool.
///
/// Unchecked: `sem_t` is made to be shared between threads, and its address never changes.
package final class Semaphore: @unchecked Sendable {
  private let semaphore: UnsafeMutablePointer<sem_t>

  package init() {
    semaphore = .allocate(capacity: 1)
    sem_init(semaphore, 0, 0)
  }

  deinit {
    sem_destroy(semaphore)
    semaphore.deallocate()
  }

  package func post() {
    sem_post(semaphore)
  }

  /// Blocks the calling thread; signals do not end the wait.
  package func wait() {
    while sem_wait(semaphore) != 0 {}
  }

  /// Blocks the calling thread for `patience` at most, by the wall clock: the only one that a semaphore can be given here. A
  /// clock that is set back makes the wait longer. Signals do not end it.
  ///
  /// - Returns: whether there was a post.
  package func wait(for patience: Duration) -> Bool {
    var end = timespec()
    clock_gettime(CLOCK_REALTIME, &end)
    let (seconds, attoseconds) = (max(.zero, patience) + .nanoseconds(end.tv_nsec)).components
    end.tv_sec += Int(seconds)
    end.tv_nsec = Int(attoseconds / 1_000_000_000)
    while sem_timedwait(semaphore, &end) != 0 {
      if errno != EINTR { return false }
    }
    return true
  }
}
