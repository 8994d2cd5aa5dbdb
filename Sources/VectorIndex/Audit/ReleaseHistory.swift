// SPDX-License-Identifier: Apache-2.0

/// Which versions have been stable, as an audit log tells it: what a start goes by where the serving state is lost or the stable
/// version is broken. Nothing else may serve by itself: a version that was never released, or that was taken back, is no
/// better for being newer.
struct ReleaseHistory {
  /// The last stable one stands last. None that was taken back since.
  private(set) var released: [UInt64] = []
  /// The version kept for rollback beside the last stable one.
  private(set) var previous: UInt64?
  /// The number of the entry that made the last one stable.
  private(set) var entry: UInt64?
  /// Whether a rollout had begun and not ended.
  private(set) var isRolloutUnderWay = false

  /// - Parameter entries: of one index, oldest first.
  init(_ entries: [AuditEntry]) { for entry in entries { read(entry) } }

  var stable: UInt64? { released.last }

  private mutating func read(_ entry: AuditEntry) {
    let version = (try? VersionName(parsing: entry.version))?.number
    switch entry.action {
    case .published:
      // The first of an index is stable at once.
      if released.isEmpty, self.entry == nil { release(version, by: entry) }
    case .promoted, .rolloutSucceeded:
      let before = stable
      release(version, by: entry)
      previous = before
      isRolloutUnderWay = false
    case .rolledBack:
      let left = stable
      release(version, by: entry)
      released.removeAll { $0 == left && $0 != version }
      previous = nil
    case .recovered:
      release(version, by: entry)
      previous = nil
      isRolloutUnderWay = false
    case .deleted: released.removeAll { $0 == version }
    case .rolloutStarted: isRolloutUnderWay = true
    case .rolloutRolledBack: isRolloutUnderWay = false
    case .rolloutAdvanced, .rolloutPaused, .rolloutResumed: break
    }
  }

  private mutating func release(_ version: UInt64?, by entry: AuditEntry) {
    self.entry = entry.number
    guard let version else { return }
    released.removeAll { $0 == version }
    released.append(version)
  }
}
