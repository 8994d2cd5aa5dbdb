// SPDX-License-Identifier: Apache-2.0

package import Basics
import Foundation
import GRDB
import Items

// Everything is written to the draft. What the draft has of the newest snapshot is that snapshot's own row; a row of the draft's
// own is there only where the item differs from it.

extension ItemStore {
  /// Keeps embeddings under the tower in use; those that are there already stay. All or none are written.
  ///
  /// Blocks until they are on the disk.
  package func keep(_ images: [EmbeddedImage]) throws(StoreError) {
    try write { db in
      for image in images { try keep(image, db) }
    }
  }

  /// Writes items to the draft with their embeddings, in order; an item that exists is replaced as a whole. All or none are
  /// written.
  ///
  /// Blocks until they are on the disk.
  package func put(_ items: [CatalogEntry<EmbeddedImage>]) throws(StoreError) {
    try write { db in
      let draft = try Self.state(db).draft
      for item in items {
        try item.image.map { try keep($0, db) }
        try Self.put(item.with(item.image?.digest), draft, db)
      }
    }
  }

  /// Takes items out of the draft.
  ///
  /// Blocks until it is on the disk.
  ///
  /// - Returns: those that the draft did not hold.
  package func delete(_ ids: [String]) throws(StoreError) -> [String] {
    try write { db in
      let draft = try Self.state(db).draft
      return try ids.filter { id in
        guard let row = try Self.draftRow(of: id, db) else { return true }
        try Self.end(row, draft, db)
        return false
      }
    }
  }

  /// Takes out of the draft whatever is not named. All of it is written, or nothing.
  ///
  /// Blocks until it is on the disk.
  ///
  /// - Returns: how many items were taken out.
  package func retain(_ named: Set<Identifier>) throws(StoreError) -> Int {
    try write { db in
      let draft = try Self.state(db).draft
      let rows = try Row.fetchCursor(
        db,
        sql:
          "SELECT id, item_id, first_snapshot, content_sha256 FROM snapshot_item WHERE last_snapshot IS NULL")
      var others: [DraftRow] = []
      while let row = try rows.next() {
        if !named.contains(Identifier(row["item_id"])) { others.append(DraftRow(row)) }
      }
      for row in others { try Self.end(row, draft, db) }
      return others.count
    }
  }

  private func keep(_ image: EmbeddedImage, _ db: Database) throws {
    let statement = try db.cachedStatement(
      sql: "INSERT OR IGNORE INTO embedding (tower_id, image_sha256, vector) VALUES (?, ?, ?)")
    try statement.execute(arguments: [towerID, Data(image.digest.bytes), Self.data(image.embedding)])
  }

  // MARK: Rows of the draft

  /// The row that is valid in the draft: its own, or one that it has of the newest snapshot.
  private struct DraftRow {
    let id: Int64
    let first: Int
    let content: Data

    init(_ row: Row) {
      id = row["id"]
      first = row["first_snapshot"]
      content = row["content_sha256"]
    }
  }

  private static func put(_ item: CatalogEntry<ImageDigest>, _ draft: Int, _ db: Database) throws {
    let content = Data(item.contentDigest)
    if let row = try draftRow(of: item.id, db) {
      if row.content == content { return }
      try end(row, draft, db)
    }
    if try !reopen(item.id, content, draft, db) { try insert(item, content, from: draft, db) }
  }

  private static func draftRow(of id: String, _ db: Database) throws -> DraftRow? {
    let statement = try db.cachedStatement(
      sql: "SELECT id, first_snapshot, content_sha256 FROM snapshot_item WHERE item_id = ? AND last_snapshot IS NULL")
    return try Row.fetchOne(statement, arguments: [id]).map(DraftRow.init)
  }

  /// Takes the row out of the draft.
  private static func end(_ row: DraftRow, _ draft: Int, _ db: Database) throws {
    if row.first == draft {
      try db.cachedStatement(sql: "DELETE FROM snapshot_item WHERE id = ?").execute(arguments: [row.id])
    } else {
      try db.cachedStatement(sql: "UPDATE snapshot_item SET last_snapshot = ? WHERE id = ?")
        .execute(arguments: [draft - 1, row.id])
    }
  }

  /// Takes the newest snapshot's row back into the draft where the item is as it was there; false where it is not.
  private static func reopen(_ id: String, _ content: Data, _ draft: Int, _ db: Database) throws -> Bool {
    try db.cachedStatement(
      sql: """
        UPDATE snapshot_item SET last_snapshot = NULL WHERE item_id = ? AND last_snapshot = ? AND content_sha256 = ?
        """
    ).execute(arguments: [id, draft - 1, content])
    return db.changesCount > 0
  }

  static func insert(
    _ item: CatalogEntry<ImageDigest>, _ content: Data, from first: Int, _ db: Database
  ) throws {
    let statement = try db.cachedStatement(
      sql: """
        INSERT INTO snapshot_item
          (item_id, first_snapshot, content_sha256, image_sha256, title, brand, category, description, cf, text)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """)
    try statement.execute(arguments: [
      item.id, first, content, item.image.map { Data($0.bytes) }, item.texts.title, item.texts.brand,
      item.texts.category,
      item.texts.description, item.cf.map(data), item.text.map(data),
    ])
  }
}
