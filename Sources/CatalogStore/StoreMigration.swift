// SPDX-License-Identifier: Apache-2.0

import Basics
import Foundation
import GRDB
import Glibc
import Items

/// Brings a file of an earlier layout up to date, and keeps a copy of it as it was.
///
/// The copy is made beside the file and gets its name once it is whole and on the disk; only then the file is changed, in one
/// transaction. Another process cannot write in between. A start that is killed on the way finds the file in the one layout or
/// the other, and a copy that is the same as the file is not made twice.
struct StoreMigration {
  let path: String

  /// - Parameter willMigrate: told where the copy will lie, before it is made.
  /// - Returns: where the copy lies; nil when the file is up to date or new.
  func run(on pool: DatabasePool, willMigrate: (String) -> Void) throws -> String? {
    guard try pool.read({ try isOld($0) }) else { return nil }
    var copy: String?
    try pool.writeWithoutTransaction { db in
      try db.inTransaction(.immediate) {
        // Another process may have been quicker.
        guard try isOld(db) else { return .rollback }
        willMigrate(try nextName().path)
        copy = try keepCopy()
        try migrate(db)
        return .commit
      }
    }
    return copy
  }

  private func isOld(_ db: Database) throws -> Bool {
    guard let layout = try ItemStore.layout(of: db, path: path) else { return false }
    return layout < ItemStore.layout
  }

  // MARK: The copy

  /// Makes the copy, unless there is one of the same bytes.
  private func keepCopy() throws -> String {
    let partial = "\(path).layout-1.partial"
    for leftover in ["", "-journal", "-wal", "-shm"] { unlink(partial + leftover) }
    // A connection of its own: SQLite does not copy through one that is writing.
    var configuration = Configuration()
    configuration.readonly = true
    let source = try DatabaseQueue(path: path, configuration: configuration)
    ItemStore.reserve(partial)
    let target = try DatabaseQueue(path: partial)
    try source.backup(to: target)
    try target.close()
    try source.close()
    let (name, last) = try nextName()
    if let last, FileManager.default.contentsEqual(atPath: last, andPath: partial) {
      unlink(partial)
      return last
    }
    guard rename(partial, name) == 0 else { throw SystemCallError("rename", "\(partial) to \(name)", errno: errno) }
    try DirectoryEntries.sync(DirectoryEntries.parent(of: path), fault: nil)
    return name
  }

  /// The first free name, so that no copy is ever written over, and the last one that is taken.
  private func nextName() throws -> (path: String, last: String?) {
    var last: String?
    for number in 1...1000 {
      let name = "\(path).layout-1" + (number == 1 ? "" : "-\(number)")
      guard access(name, F_OK) == 0 else { return (name, last) }
      last = name
    }
    throw StoreError(.unavailable, "there are 1,000 copies \(path).layout-1…; remove those that are not needed")
  }

  // MARK: The file

  /// What layout 1 holds becomes snapshot 1.
  private func migrate(_ db: Database) throws {
    try ItemStore.createSnapshotTables(db)
    let rows = try Row.fetchCursor(
      db, sql: "SELECT item_id, title, brand, category, description, image_sha256, cf, text FROM item ORDER BY item_id")
    var count = 0
    while let row = try rows.next() {
      let item = try Self.item(row)
      try ItemStore.insert(item, Data(item.contentDigest), from: 1, db)
      count += 1
    }
    try db.execute(sql: "DROP TABLE item")
    guard count > 0 else { return }
    _ = try ItemStore.freeze(1, label: "as it was before snapshots", db)
    try db.execute(sql: "UPDATE catalog SET migrated_snapshot = 1")
  }

  private static func item(_ row: Row) throws -> CatalogEntry<ImageDigest> {
    CatalogEntry(
      id: row["item_id"],
      texts: ItemTexts(
        title: row["title"], brand: row["brand"], category: row["category"], description: row["description"]),
      image: (row["image_sha256"] as Data?).map { ImageDigest(bytes: [UInt8]($0)) },
      cf: try ItemStore.vector(row, "cf"), text: try ItemStore.vector(row, "text"))
  }
}
