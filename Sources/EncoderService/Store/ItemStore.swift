// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import Items

/// The catalog on disk: one SQLite file in WAL mode.
///
/// - Items, with what people call them, the digest of their image and their features.
/// - The vision tower's embedding of every image that was ever encoded, keyed by the image's digest and the tower's
///   fingerprint. Soft tokens and item vectors are not kept: they follow from the embedding and the adaptor.
///
/// A write that has returned is on the disk. Writes of several threads are done one after the other; reads go on beside
/// them and see whole writes only.
final class ItemStore: Sendable {
  let path: String
  /// Of the tower whose embeddings are read and written.
  let tower: String
  let embeddingDim: Int
  let pool: DatabasePool
  /// Row of `tower` in the table of towers.
  let towerID: Int64

  /// Opens the file, or creates it.
  ///
  /// - Parameters:
  ///   - tower: fingerprint of the vision tower in use.
  ///   - embeddingDim: v, length of its embeddings.
  init(path: String, tower: String, embeddingDim: Int) throws(StoreError) {
    self.path = path
    self.tower = tower
    self.embeddingDim = embeddingDim
    (pool, towerID) = try Self.attempt(path) {
      let pool = try DatabasePool(path: path, configuration: Self.configuration)
      // GRDB's WAL default, NORMAL, may lose the last commits when power fails: they have been acknowledged by then.
      try pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = FULL") }
      return (pool, try pool.write { try Self.prepare($0, path: path, tower: tower, embeddingDim: embeddingDim) })
    }
  }

  /// Keeps embeddings under the tower in use; those that are there already stay. All or none are written.
  ///
  /// Blocks until they are on the disk.
  func keep(_ images: [EmbeddedImage]) throws(StoreError) {
    try write { db in
      for image in images { try keep(image, db) }
    }
  }

  /// Writes items with their embeddings; an item that exists is replaced as a whole. All or none are written.
  ///
  /// Blocks until they are on the disk.
  func put(_ items: [CatalogEntry<EmbeddedImage>]) throws(StoreError) {
    try write { db in
      let statement = try db.cachedStatement(sql: Self.upsert)
      for item in items {
        try item.image.map { try keep($0, db) }
        try statement.execute(arguments: [
          item.id, item.texts.title, item.texts.brand, item.texts.category, item.texts.description,
          item.image.map { Data($0.digest.bytes) }, item.cf.map(Self.data), item.text.map(Self.data),
        ])
      }
    }
  }

  private func keep(_ image: EmbeddedImage, _ db: Database) throws {
    let statement = try db.cachedStatement(
      sql: "INSERT OR IGNORE INTO embedding (tower_id, image_sha256, vector) VALUES (?, ?, ?)")
    try statement.execute(arguments: [towerID, Data(image.digest.bytes), Self.data(image.embedding)])
  }

  private static let upsert = """
    INSERT INTO item (item_id, title, brand, category, description, image_sha256, cf, text) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (item_id) DO UPDATE SET
      title = excluded.title, brand = excluded.brand, category = excluded.category, description = excluded.description,
      image_sha256 = excluded.image_sha256, cf = excluded.cf, text = excluded.text
    """

  private func write(_ body: (Database) throws -> Void) throws(StoreError) {
    try Self.attempt(path) { try pool.write { db in try body(db) } }
  }

  /// Runs `body` and says what its error means for the store at `path`.
  static func attempt<Value>(_ path: String, _ body: () throws -> Value) throws(StoreError) -> Value {
    do {
      return try body()
    } catch {
      throw StoreError(error, path: path)
    }
  }
}
