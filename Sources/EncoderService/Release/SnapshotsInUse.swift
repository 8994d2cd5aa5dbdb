// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Which snapshots are needed outside of the store: those that index versions name, as they were heard of last, and those that were
/// exported lately, in monotonic time: an index version may be in the making that will name one.
final class SnapshotsInUse: Sendable {
  typealias Instant = ContinuousClock.Instant

  /// Longer than between two looks at the versions.
  private static let making = Duration.seconds(120)

  private let exports = Mutex<[Int: Instant]>([:])
  private let named = Mutex<Set<Int>>([])

  func note(exported snapshot: Int) { exports.withLock { $0[snapshot] = .now } }

  /// Notes what the versions of all indexes name.
  func note(named snapshots: Set<Int>) { named.withLock { $0 = snapshots } }

  func exported(since start: Instant) -> Set<Int> {
    exports.withLock { exports in Set(exports.filter { $0.value >= start }.keys) }
  }

  /// Whether a version names the snapshot, or may be in the making that does.
  func contains(_ snapshot: Int) -> Bool {
    named.withLock { $0.contains(snapshot) } || exported(since: .now - Self.making).contains(snapshot)
  }
}
