// SPDX-License-Identifier: Apache-2.0

/// Since when snapshots have been named by no index version, in monotonic time of this process: a clock that is set drops
/// nothing, and a restart only keeps them longer.
struct UnnamedSnapshots {
  typealias Instant = ContinuousClock.Instant

  private var since: [Int: Instant] = [:]

  /// Notes which snapshots there are and which of them are named.
  ///
  /// - Returns: those that have not been named for `retention`.
  mutating func due(of snapshots: [Int], named: Set<Int>, now: Instant, after retention: Duration) -> Set<Int> {
    let unnamed = snapshots.filter { !named.contains($0) }
    since = Dictionary(uniqueKeysWithValues: unnamed.map { ($0, since[$0] ?? now) })
    return Set(since.filter { now - $0.value >= retention }.keys)
  }
}
