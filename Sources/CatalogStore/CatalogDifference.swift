// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
package import Items

/// How an item differs between two states of the catalog.
package struct ItemChange: Sendable, Equatable {
  package enum Kind: Sendable { case added, changed, removed }

  package let id: String
  package let kind: Kind
  /// Nil where the item was added.
  package let before: ItemTexts?
  /// Nil where the item was removed.
  package let after: ItemTexts?
  /// What differs of a changed item, by the names that the contract has for it.
  package let fields: [String]
}

/// What differs between two states, by their numbers; the draft has the one after the newest snapshot's.
///
/// Only rows that are valid in one of them alone are looked at: what the two share differs in nothing. A row that is valid in
/// one alone may hold what the other's holds, where an item was changed and changed back.
struct CatalogDifference {
  let from: Int
  let to: Int

  func counts(_ db: Database) throws -> CatalogChanges {
    let row = try Row.fetchOne(
      db,
      sql: """
        SELECT coalesce(sum(before_id IS NULL), 0) AS added, coalesce(sum(after_id IS NULL), 0) AS removed,
          count(*) AS total
        FROM (\(Self.pairs())) WHERE differs
        """, arguments: ["from": from, "to": to])
    guard let row else { return CatalogChanges() }
    let (added, removed, total): (Int, Int, Int) = (row["added"], row["removed"], row["total"])
    return CatalogChanges(added: added, changed: total - added - removed, removed: removed)
  }

  /// A part of the changes in the order of the items' names' bytes.
  struct Page {
    let changes: [ItemChange]
    /// After which the next page begins; nil after the last.
    let end: String?
  }

  /// The changes among the next `limit` candidates after `id`, from the first when `id` is nil.
  func page(after id: String?, limit: Int, _ db: Database) throws -> Page {
    // The first of either side are enough for the first of both.
    let some = "AND item_id > :after ORDER BY item_id LIMIT :limit"
    let rows = try Row.fetchAll(
      db, sql: "SELECT * FROM (\(Self.pairs(some))) ORDER BY item_id LIMIT :limit",
      arguments: ["from": from, "to": to, "after": id ?? "", "limit": limit])
    let changes = try rows.filter { $0["differs"] }.map { row in
      let before = try (row["before_id"] as Int64?).map { try Side($0, db) }
      let after = try (row["after_id"] as Int64?).map { try Side($0, db) }
      let kind: ItemChange.Kind = before == nil ? .added : after == nil ? .removed : .changed
      return ItemChange(
        id: row["item_id"], kind: kind, before: before?.texts, after: after?.texts,
        fields: Side.differences(before, after))
    }
    return Page(changes: changes, end: rows.count < limit ? nil : rows.last?["item_id"])
  }

  /// Items with a row of their own in either state, and whether they differ.
  ///
  /// - Parameter some: which of them, for each side.
  private static func pairs(_ some: String = "") -> String {
    """
    SELECT item_id, max(before_id) AS before_id, max(after_id) AS after_id, max(before) IS NOT max(after) AS differs
    FROM (
      SELECT item_id, id AS before_id, NULL AS after_id, content_sha256 AS before, NULL AS after
      FROM (\(rows(of: "from", notOf: "to")) \(some))
      UNION ALL
      SELECT item_id, NULL, id, NULL, content_sha256 FROM (\(rows(of: "to", notOf: "from")) \(some))
    )
    GROUP BY item_id
    """
  }

  private static func rows(of one: String, notOf other: String) -> String {
    """
    SELECT id, item_id, content_sha256 FROM snapshot_item
    WHERE first_snapshot <= :\(one) AND (last_snapshot IS NULL OR last_snapshot >= :\(one))
      AND NOT (first_snapshot <= :\(other) AND (last_snapshot IS NULL OR last_snapshot >= :\(other)))
    """
  }
}

/// An item in one of the two states.
private struct Side {
  let texts: ItemTexts
  let image: Data?
  let cf: Data?
  let text: Data?

  init(_ id: Int64, _ db: Database) throws {
    let statement = try db.cachedStatement(sql: "SELECT * FROM snapshot_item WHERE id = ?")
    guard let row = try Row.fetchOne(statement, arguments: [id]) else {
      throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "a row of the catalog is gone while it is read")
    }
    texts = ItemTexts(
      title: row["title"], brand: row["brand"], category: row["category"], description: row["description"])
    image = row["image_sha256"]
    cf = row["cf"]
    text = row["text"]
  }

  static func differences(_ before: Side?, _ after: Side?) -> [String] {
    guard let before, let after else { return [] }
    let differs: [(String, Bool)] = [
      ("title", !before.texts.title.utf8.elementsEqual(after.texts.title.utf8)),
      ("brand", !before.texts.brand.utf8.elementsEqual(after.texts.brand.utf8)),
      ("category", !before.texts.category.utf8.elementsEqual(after.texts.category.utf8)),
      ("description", !before.texts.description.utf8.elementsEqual(after.texts.description.utf8)),
      ("image", before.image != after.image), ("cf_feature", before.cf != after.cf),
      ("text_feature", before.text != after.text),
    ]
    return differs.compactMap { $1 ? $0 : nil }
  }
}
