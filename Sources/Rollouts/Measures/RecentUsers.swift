// SPDX-License-Identifier: Apache-2.0

/// What the last 20 users met who asked something of a version: of each the last query. Tells an outage within moments, where
/// a rate over the whole stage takes as long as the stage has run.
///
/// Users, not queries: one who tries again and again is one of them. Not forgotten with the stage, because the version is the same.
package struct RecentUsers: Sendable, Equatable {
  package static let capacity = 20

  private struct Entry: Sendable, Equatable {
    /// Nil where nobody knows who asked.
    let user: UInt64?
    let isFailure: Bool
  }

  /// Who asked last stands last.
  private var entries: [Entry] = []

  package init() {}

  package var count: Int { entries.count }
  package var failures: Int { entries.count(where: \.isFailure) }

  /// Whether at least nine in ten met a failure.
  package var nearlyAllFailed: Bool { !entries.isEmpty && failures * 10 >= count * 9 }

  mutating func note(_ user: UInt64?, isFailure: Bool) {
    if let user, let place = entries.firstIndex(where: { $0.user == user }) {
      entries.remove(at: place)
    } else if entries.count == Self.capacity {
      entries.removeFirst()
    }
    entries.append(Entry(user: user, isFailure: isFailure))
  }
}
