// SPDX-License-Identifier: Apache-2.0

import GRDB

/// The file of an item store, for those who only keep it: no tower is needed, and a store in use may be read.
package enum ItemStoreFile {
  /// What a file holds.
  package struct Contents: Sendable, Equatable {
    /// Made at random with the file; nil for one of the layout before snapshots.
    package var catalogID: String?
    /// Numbers of the snapshots that are still kept, ascending.
    package var snapshots: [Int]
  }

  /// Copies the state of one moment into `target`, an empty file; writers go on meanwhile.
  ///
  /// The copy is one file, and is looked through before this returns: a damaged store is not kept as if it were whole.
  ///
  /// - Parameter progress: told pages done and pages in all; what it throws ends the copying.
  package static func copy(
    _ path: String, to target: String, progress: @escaping (_ done: Int, _ total: Int) throws -> Void = { _, _ in }
  ) throws -> Contents {
    do {
      var configuration = Configuration()
      configuration.label = "item-store-backup"
      configuration.readonly = true
      configuration.busyMode = .timeout(5)
      let source = try DatabaseQueue(path: path, configuration: configuration)
      let copy = try DatabaseQueue(path: target)
      try source.read { db in
        // The first read fixes the moment. While it lasts, SQLite copies step by step from that state; without it each step would see
        // another, and copying would begin anew with every write.
        guard try ItemStore.layout(of: db, path: path) != nil else {
          throw StoreError(.corrupt, "\(path) holds no item store; name the file of --store")
        }
        try copy.writeWithoutTransaction { copied in
          try db.backup(to: copied, pagesPerStep: 256) { step in
            try progress(step.completedPageCount, step.totalPageCount)
          }
        }
      }
      try source.close()
      let contents = try copy.read { try checked($0, path: path) }
      try copy.close()
      return contents
    } catch let error as CancellationError {
      throw error
    } catch {
      throw StoreError(error, path: path)
    }
  }

  private static func checked(_ db: Database, path: String) throws -> Contents {
    guard try String.fetchOne(db, sql: "PRAGMA quick_check(1)") == "ok" else {
      throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "the copy of \(path) does not pass SQLite's check")
    }
    guard try ItemStore.layout(of: db, path: path) == ItemStore.layout else { return Contents(snapshots: []) }
    return Contents(
      catalogID: try String.fetchOne(db, sql: "SELECT catalog_id FROM catalog"),
      snapshots: try Int.fetchAll(db, sql: "SELECT number FROM snapshot ORDER BY number"))
  }
}
