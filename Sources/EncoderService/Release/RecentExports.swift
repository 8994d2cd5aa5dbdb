// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// When each snapshot was exported last, in monotonic time: an index version may be in the making that will name it.
final class RecentExports: Sendable {
  typealias Instant = ContinuousClock.Instant

  private let times = Mutex<[Int: Instant]>([:])

  func note(_ snapshot: Int) { times.withLock { $0[snapshot] = .now } }

  func snapshots(since start: Instant) -> Set<Int> {
    times.withLock { times in
      times = times.filter { $0.value >= start }
      return Set(times.keys)
    }
  }
}
