// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import Items

extension ItemStore {
  /// What the catalog holds.
  struct Counts: Sendable, Equatable {
    var items = 0
    /// Items with an image that the tower in use has not encoded.
    var otherTower = 0
  }

  /// Embeddings under the tower in use, of those images that have one.
  func embeddings(of images: [ImageDigest]) async throws -> [ImageDigest: [Float]] {
    try await read { db in
      let statement = try db.cachedStatement(
        sql: "SELECT vector FROM embedding WHERE image_sha256 = ? AND tower_id = ?")
      var found: [ImageDigest: [Float]] = [:]
      for image in images {
        let row = try Row.fetchOne(statement, arguments: [Data(image.bytes), self.towerID])
        if let row { found[image] = try self.embedding(row) }
      }
      return found
    }
  }

  /// Items by name, nil for those that are not in the catalog.
  ///
  /// - Parameter readsVectors: without it, embeddings and features are left out.
  func items(named ids: [String], readsVectors: Bool) async throws -> [CatalogEntry<StoredImage>?] {
    try await read { db in
      let statement = try db.cachedStatement(
        sql: "SELECT \(Self.columns(readsVectors)) \(Self.join) WHERE item.item_id = ?")
      return try ids.map { id in
        try Row.fetchOne(statement, arguments: [self.towerID, id]).map { try self.item($0, readsVectors) }
      }
    }
  }

  func itemCount() async throws -> Int {
    try await read { try Self.itemCount($0) }
  }

  /// The catalog as it is now, for as long as it is held; what is written meanwhile does not show.
  func snapshot() async throws -> Snapshot {
    do {
      return Snapshot(store: self, reader: try pool.makeSnapshot())
    } catch {
      throw StoreError(error, path: path)
    }
  }

  /// A consistent view of the catalog.
  struct Snapshot: Sendable {
    fileprivate let store: ItemStore
    fileprivate let reader: DatabaseSnapshot

    func counts() async throws -> Counts {
      try await store.read(from: reader) { db in
        let missing = try Int.fetchOne(
          db, sql: "SELECT count(*) \(ItemStore.join) WHERE item.image_sha256 IS NOT NULL AND embedding.id IS NULL",
          arguments: [store.towerID])
        return Counts(items: try ItemStore.itemCount(db), otherTower: missing ?? 0)
      }
    }

    /// At most `limit` items after `id` in the order of their names' bytes, from the first when `id` is nil.
    func items(after id: String?, limit: Int) async throws -> [CatalogEntry<StoredImage>] {
      try await store.read(from: reader) { db in
        let statement = try db.cachedStatement(
          sql:
            "SELECT \(ItemStore.columns(true)) \(ItemStore.join) WHERE item.item_id > ? ORDER BY item.item_id LIMIT ?")
        return try Row.fetchAll(statement, arguments: [store.towerID, id ?? "", limit]).map { try store.item($0, true) }
      }
    }
  }

  // MARK: -

  private static func columns(_ withVectors: Bool) -> String {
    let always = """
      item.item_id, title, brand, category, description, item.image_sha256 IS NOT NULL AS has_image,
      embedding.id IS NOT NULL AS is_encoded
      """
    return withVectors ? always + ", cf, text, vector" : always
  }

  private static let join = """
    FROM item LEFT JOIN embedding ON embedding.image_sha256 = item.image_sha256 AND embedding.tower_id = ?
    """

  private static func itemCount(_ db: Database) throws -> Int {
    try Int.fetchOne(db, sql: "SELECT count(*) FROM item") ?? 0
  }

  private func item(_ row: Row, _ withVectors: Bool) throws -> CatalogEntry<StoredImage> {
    let image: StoredImage?
    if row["has_image"] as Bool == false {
      image = nil
    } else if row["is_encoded"] as Bool == false {
      image = .otherTower
    } else {
      image = withVectors ? .embedding(try embedding(row)) : .notRead
    }
    return CatalogEntry(
      id: row["item_id"],
      texts: ItemTexts(
        title: row["title"], brand: row["brand"], category: row["category"], description: row["description"]),
      image: image, cf: withVectors ? try Self.vector(row, "cf") : nil,
      text: withVectors ? try Self.vector(row, "text") : nil)
  }

  private func embedding(_ row: Row) throws -> [Float] {
    guard let vector = try Self.vector(row, "vector"), vector.count == embeddingDim else {
      throw DatabaseError(
        resultCode: .SQLITE_CORRUPT, message: "an embedding does not have the \(embeddingDim) values of this tower's")
    }
    return vector
  }

  private func read<Value: Sendable>(_ body: @escaping @Sendable (Database) throws -> Value) async throws -> Value {
    try await read(from: pool, body)
  }

  private func read<Value: Sendable>(
    from reader: some DatabaseReader, _ body: @escaping @Sendable (Database) throws -> Value
  ) async throws -> Value {
    do {
      return try await reader.read(body)
    } catch let error as CancellationError {
      throw error
    } catch {
      throw StoreError(error, path: path)
    }
  }
}
