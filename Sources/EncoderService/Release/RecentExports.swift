// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Which snapshots are needed outside of the store: those that index versions name, as they were heard of last, and when each was
/// exported last, in monotonic time: an index version may be in the making that will name it.
final class RecentExports: Sendable {
  typealias Instant = ContinuousClock.Instant

  /// Longer than between two looks at the versions.
  private static let making = Duration.seconds(120)

  private let times = Mutex<[Int: Instant]>([:])
  private let named = Mutex<Set<Int>>([])

  func note(_ snapshot: Int) { times.withLock { $0[snapshot] = .now } }

  /// Notes what the versions of all indexes name.
  func note(named snapshots: Set<Int>) { named.withLock { $0 = snapshots } }

  func snapshots(since start: Instant) -> Set<Int> {
    times.withLock { times in Set(times.filter { $0.value >= start }.keys) }
  }

  /// Whether a version names the snapshot, or may be in the making that does.
  func isInUse(_ snapshot: Int) -> Bool {
    named.withLock { $0.contains(snapshot) } || snapshots(since: .now - Self.making).contains(snapshot)
  }
}
