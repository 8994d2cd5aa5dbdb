// SPDX-License-Identifier: Apache-2.0

import Basics
import Foundation
package import GRDB

/// The catalog on disk: one SQLite file in WAL mode.
///
/// - Items, with what people call them, the digest of their image and their features, in numbered snapshots that never change
///   and one draft. What is written goes to the draft, which serves nobody; a commit makes it the next snapshot.
/// - The vision tower's embedding of every image that was ever encoded, keyed by the image's digest and the tower's
///   fingerprint. Soft tokens and item vectors are not kept: they follow from the embedding and the adaptor.
///
/// Snapshots share their rows: a row says in which snapshots it is valid, from `first_snapshot` to `last_snapshot`, or to the
/// draft where that is NULL. The draft has the number after the newest snapshot's. Of an item one row at most is valid at a time.
///
/// Who names no snapshot reads the released one: what the stable version of the index in ``followedIndex`` was built from, as
/// it was last heard of. Where no index is followed, that is the newest.
///
/// A write that has returned is on the disk. Writes of several threads are done one after the other; reads go on beside
/// them and see whole writes only.
package final class ItemStore: Sendable {
  package let path: String
  /// Of the tower whose embeddings are read and written.
  package let tower: String
  package let embeddingDim: Int
  /// Made at random with the file: numbers of two stores are never confused.
  package let catalogID: String
  /// The index whose stable version decides what is read by default; nil when there is none.
  package let followedIndex: String?
  /// Where the file lies as it was before its layout was brought up to date by this start; nil when it was so already.
  package let migratedFrom: String?
  package let pool: DatabasePool
  /// Row of `tower` in the table of towers.
  let towerID: Int64

  /// Opens the file, or creates it.
  ///
  /// - Parameters:
  ///   - tower: fingerprint of the vision tower in use.
  ///   - embeddingDim: v, length of its embeddings.
  ///   - willMigrate: told where the copy of a file of an earlier layout will lie, before it is made.
  package init(
    path: String, tower: String, embeddingDim: Int, followedIndex: String? = nil,
    willMigrate: (String) -> Void = { _ in }
  ) throws(StoreError) {
    self.path = path
    self.tower = tower
    self.embeddingDim = embeddingDim
    self.followedIndex = followedIndex
    (pool, migratedFrom, towerID, catalogID) = try Self.attempt(path) {
      Self.reserve(path)
      let pool = try DatabasePool(path: path, configuration: Self.configuration)
      // GRDB's WAL default, NORMAL, may lose the last commits when power fails: they have been acknowledged by then.
      try pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = FULL") }
      let copy = try StoreMigration(path: path).run(on: pool, willMigrate: willMigrate)
      let (towerID, catalogID) = try pool.write { db in
        try Self.prepare(db, path: path)
        return (
          try Self.towerRow(db, path: path, tower: tower, embeddingDim: embeddingDim), try Self.state(db).catalogID
        )
      }
      return (pool, copy, towerID, catalogID)
    }
  }

  /// Makes the file where there is none, for its owner alone to read; SQLite gives the files beside it the same rights. What stands in
  /// the way SQLite says better.
  static func reserve(_ path: String) { _ = try? OpenFile.createForOwner(path) }

  /// Waits for reads and writes under way and closes the file.
  package func close() throws(StoreError) {
    try Self.attempt(path) { try pool.close() }
  }

  /// Runs `body` in one transaction: all of it is written, or nothing.
  ///
  /// Blocks until it is on the disk.
  func write<Value>(_ body: (Database) throws -> Value) throws(StoreError) -> Value {
    try Self.attempt(path) { try pool.write { db in try body(db) } }
  }

  func read<Value: Sendable>(_ body: @escaping @Sendable (Database) throws -> Value) async throws -> Value {
    try await read(from: pool, body)
  }

  func read<Value: Sendable>(
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

  /// Runs `body` and says what its error means for the store at `path`.
  static func attempt<Value>(_ path: String, _ body: () throws -> Value) throws(StoreError) -> Value {
    do {
      return try body()
    } catch {
      throw StoreError(error, path: path)
    }
  }
}
