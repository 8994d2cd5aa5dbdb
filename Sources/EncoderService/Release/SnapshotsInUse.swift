// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Which snapshots are needed outside of the store: those that index versions name, as they were heard of last, and those that were
/// exported lately, in monotonic time: an index version may be in the making that will name one.
final class SnapshotsInUse: Sendable {
  typealias Instant = ContinuousClock.Instant

  private struct State {
    var exports: [Int: Instant] = [:]
    var named: Set<Int> = []
    /// Those that are dropped now, or were: no number comes back.
    var retired: Set<Int> = []

    func needs(_ snapshot: Int, since start: Instant) -> Bool {
      named.contains(snapshot) || exports[snapshot].map { $0 >= start } ?? false
    }
  }

  /// Longer than between two looks at the versions.
  private static let making = Duration.seconds(120)

  private let state = Mutex(State())

  /// Notes that the snapshot is read, for as long as it takes to make a version of it.
  ///
  /// - Returns: false of one that is dropped at this moment, of which no version may be made any more.
  @discardableResult
  func note(exported snapshot: Int) -> Bool {
    state.withLock {
      guard !$0.retired.contains(snapshot) else { return false }
      $0.exports[snapshot] = .now
      return true
    }
  }

  /// Notes what the versions of all indexes name.
  func note(named snapshots: Set<Int>) { state.withLock { $0.named = snapshots } }

  func exported(since start: Instant) -> Set<Int> {
    state.withLock { state in Set(state.exports.filter { $0.value >= start }.keys) }
  }

  /// Whether a version names the snapshot, or may be in the making that does.
  func contains(_ snapshot: Int) -> Bool { state.withLock { $0.needs(snapshot, since: .now - Self.making) } }

  /// Takes a snapshot out of use, to be dropped, unless a version names it or may be in the making that does. From then on nobody
  /// exports it.
  func retire(_ snapshot: Int) -> Bool {
    state.withLock {
      guard !$0.needs(snapshot, since: .now - Self.making) else { return false }
      $0.retired.insert(snapshot)
      return true
    }
  }

  /// Of snapshots that could not be dropped.
  func putBack(_ snapshots: some Sequence<Int>) { state.withLock { $0.retired.subtract(snapshots) } }
}
