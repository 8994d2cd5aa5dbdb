// SPDX-License-Identifier: Apache-2.0

import GRDB

/// A state of the catalog as it was when the view was made, for as long as it is held; what is written meanwhile does not show.
package struct CatalogView: Sendable {
  /// How many items there are.
  package struct Counts: Sendable, Equatable {
    package var items: Int
    /// Items with an image that the tower in use has not encoded.
    package var otherTower: Int

    package init(items: Int = 0, otherTower: Int = 0) {
      self.items = items
      self.otherTower = otherTower
    }
  }

  package let position: CatalogPosition
  let store: ItemStore
  let reader: DatabaseSnapshot
  /// That rows are compared with.
  let number: Int

  package func counts() async throws -> Counts {
    try await store.read(from: reader) { [store, number] db in
      let items = try Int.fetchOne(
        db, sql: "SELECT count(*) FROM snapshot_item WHERE \(ItemStore.isValid)", arguments: ["number": number])
      let missing = try Int.fetchOne(
        db,
        sql: """
          SELECT count(*) \(ItemStore.join) WHERE \(ItemStore.isValid) AND item.image_sha256 IS NOT NULL
            AND embedding.id IS NULL
          """, arguments: ["tower": store.towerID, "number": number])
      return Counts(items: items ?? 0, otherTower: missing ?? 0)
    }
  }

  /// At most `limit` items after `id` in the order of their names' bytes, from the first when `id` is nil.
  package func items(after id: String?, limit: Int) async throws -> [CatalogEntry<StoredImage>] {
    try await store.read(from: reader) { [store, number] db in
      let statement = try db.cachedStatement(
        sql: """
          SELECT \(ItemStore.columns(true)) \(ItemStore.join) WHERE item.item_id > :after AND \(ItemStore.isValid)
          ORDER BY item.item_id LIMIT :limit
          """)
      return try Row.fetchAll(
        statement, arguments: ["tower": store.towerID, "after": id ?? "", "number": number, "limit": limit]
      ).map { try store.item($0, true) }
    }
  }
}

/// What differs between two states, as they were when this was made.
package struct CatalogDifferenceView: Sendable {
  package let from: CatalogPosition
  package let to: CatalogPosition
  package let counts: CatalogChanges
  let store: ItemStore
  let reader: DatabaseSnapshot
  let numbers: (from: Int, to: Int)

  /// Changes in the order of the items' names' bytes, after `id` or from the first, and after which id the next ones begin; nil
  /// after the last.
  package func changes(after id: String?, limit: Int) async throws -> (changes: [ItemChange], end: String?) {
    try await store.read(from: reader) { [numbers] db in
      let page = try CatalogDifference(from: numbers.from, to: numbers.to).page(after: id, limit: limit, db)
      return (page.changes, page.end)
    }
  }
}
