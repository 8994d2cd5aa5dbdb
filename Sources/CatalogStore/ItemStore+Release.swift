// SPDX-License-Identifier: Apache-2.0

import GRDB

extension ItemStore {
  /// Notes what the followed index answers from, so that a restart needs nobody to know it.
  ///
  /// Blocks until it is on the disk.
  ///
  /// - Parameter release: nil when its stable version does not tell what it was built from: the newest snapshot is read then.
  /// - Returns: whether that was news.
  @discardableResult
  package func note(_ release: CatalogRelease?) throws(StoreError) -> Bool {
    let known = try Self.attempt(path) { try pool.read { try knownRelease($0) } }
    guard known != release else { return false }
    try write { db in
      try db.execute(sql: "DELETE FROM release")
      guard let release else { return }
      try db.execute(
        sql: """
          INSERT INTO release (id, index_name, version, snapshot, fingerprint, other_catalog_id) VALUES (1, ?, ?, ?, ?, ?)
          """,
        arguments: [
          release.index, release.version, release.snapshot, release.fingerprint, release.otherCatalog,
        ])
    }
    return true
  }
}
