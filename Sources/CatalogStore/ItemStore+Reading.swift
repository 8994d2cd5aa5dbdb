// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import Items

extension ItemStore {
  /// Embeddings under the tower in use, of those images that have one.
  package func embeddings(of images: [ImageDigest]) async throws -> [ImageDigest: [Float]] {
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

  /// Items of a state by name, nil for those that are not in it.
  ///
  /// - Parameter readsVectors: without it, embeddings and features are left out.
  package func items(
    named ids: [String], in choice: SnapshotChoice = .released, readsVectors: Bool
  ) async throws -> (position: CatalogPosition, items: [CatalogEntry<StoredImage>?]) {
    try await read { db in
      let (number, position) = try self.resolve(choice, db)
      let statement = try db.cachedStatement(
        sql: "SELECT \(Self.columns(readsVectors)) \(Self.join) WHERE item.item_id = :id AND \(Self.isValid)")
      let items = try ids.map { id in
        try Row.fetchOne(statement, arguments: ["tower": self.towerID, "id": id, "number": number]).map {
          try self.item($0, readsVectors)
        }
      }
      return (position, items)
    }
  }

  /// A state as it is now, for as long as it is held.
  package func view(of choice: SnapshotChoice = .released) async throws -> CatalogView {
    let reader = try Self.attempt(path) { try pool.makeSnapshot() }
    let (number, position) = try await read(from: reader) { try self.resolve(choice, $0) }
    return CatalogView(position: position, store: self, reader: reader, number: number)
  }

  /// What differs between two states as they are now, for as long as it is held.
  package func difference(
    from: SnapshotChoice, to: SnapshotChoice
  ) async throws -> CatalogDifferenceView {
    let reader = try Self.attempt(path) { try pool.makeSnapshot() }
    let (first, second, counts) = try await read(from: reader) { db in
      let (first, second) = (try self.resolve(from, db), try self.resolve(to, db))
      return (first, second, try CatalogDifference(from: first.number, to: second.number).counts(db))
    }
    return CatalogDifferenceView(
      from: first.position, to: second.position, counts: counts, store: self, reader: reader,
      numbers: (first.number, second.number))
  }

  // MARK: -

  static func columns(_ withVectors: Bool) -> String {
    let always = """
      item.item_id, title, brand, category, description, item.image_sha256 IS NOT NULL AS has_image,
      embedding.id IS NOT NULL AS is_encoded
      """
    return withVectors ? always + ", cf, text, vector" : always
  }

  static let join = """
    FROM snapshot_item AS item
    LEFT JOIN embedding ON embedding.image_sha256 = item.image_sha256 AND embedding.tower_id = :tower
    """

  /// Of the rows in the state with that number.
  static let isValid = "first_snapshot <= :number AND (last_snapshot IS NULL OR last_snapshot >= :number)"

  func item(_ row: Row, _ withVectors: Bool) throws -> CatalogEntry<StoredImage> {
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
}
