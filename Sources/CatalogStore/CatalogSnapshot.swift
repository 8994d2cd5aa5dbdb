// SPDX-License-Identifier: Apache-2.0

/// An immutable, numbered state of the items of one store.
package struct CatalogSnapshot: Sendable, Equatable {
  /// From 1; no number is given twice.
  package let number: Int
  /// Microseconds since 1970.
  package let createdMicros: Int64
  package let itemCount: Int
  /// The committer's note.
  package let label: String
  /// SHA-256 over its items in hexadecimal: equal items have equal ones.
  package let fingerprint: String
}

/// Which state of the items is read.
package enum SnapshotChoice: Sendable, Equatable {
  /// What the released index version was built from; see ``ItemStore``.
  case released
  case number(Int)
  /// The last one that was committed; without any, no items.
  case newest
  /// What serves nobody yet.
  case draft
}

/// What was read: a state of a store's items.
package struct CatalogPosition: Sendable, Hashable {
  /// The store's own name.
  package let catalogID: String
  /// Nil for the draft.
  package let snapshot: Int?
  /// Of the snapshot; empty for the draft.
  package let fingerprint: String

  package init(catalogID: String, snapshot: Int?, fingerprint: String) {
    self.catalogID = catalogID
    self.snapshot = snapshot
    self.fingerprint = fingerprint
  }
}

/// How many items differ between two states.
package struct CatalogChanges: Sendable, Equatable {
  package var added: Int
  package var changed: Int
  package var removed: Int

  package init(added: Int = 0, changed: Int = 0, removed: Int = 0) {
    self.added = added
    self.changed = changed
    self.removed = removed
  }
}

/// What answers users: the index version that is stable, and the snapshot that it was built from.
package struct CatalogRelease: Sendable, Equatable {
  package let index: String
  /// "<index>/versions/<number>"
  package let version: String
  package let snapshot: Int
  /// That the snapshot must have; empty where nobody told it.
  package let fingerprint: String
  /// Of the store that the snapshot is of, where that is another than this one.
  package let otherCatalog: String?

  package init(
    index: String, version: String, snapshot: Int, fingerprint: String = "", otherCatalog: String? = nil
  ) {
    self.index = index
    self.version = version
    self.snapshot = snapshot
    self.fingerprint = fingerprint
    self.otherCatalog = otherCatalog
  }
}
