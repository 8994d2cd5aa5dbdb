// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB

extension ItemStore {
  /// Marks the file as ours (`PRAGMA application_id`): "ILMR".
  static let applicationID: Int32 = 0x494C_4D52
  /// Of the schema below (`PRAGMA user_version`).
  static let layout = 2

  static var configuration: Configuration {
    var configuration = Configuration()
    configuration.label = "item-store"
    // Another process that writes, such as a backup, is waited for.
    configuration.busyMode = .timeout(5)
    configuration.prepareDatabase { db in
      // Three embeddings of SigLIP so400m to a page instead of one. Counts only for a new file.
      try db.execute(sql: "PRAGMA page_size = 16384")
    }
    return configuration
  }

  /// The layout of the file; nil for one without anything in it.
  static func layout(of db: Database, path: String) throws -> Int? {
    let version = try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
    let application = try Int32.fetchOne(db, sql: "PRAGMA application_id") ?? 0
    let tables = try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_master WHERE type = 'table'") ?? 0
    if application == 0, version == 0, tables == 0 { return nil }
    guard application == applicationID else {
      throw StoreError(.corrupt, "\(path) is an SQLite file of another program; name another --store")
    }
    guard version <= layout else {
      throw StoreError(
        .tooNew,
        "\(path) has version \(version) of the item store's layout, this software reads up to \(layout); update it")
    }
    return version
  }

  /// Creates the tables of a new file, and what files of layout 2 lack whose writer read another store's snapshot as its own newest,
  /// or took half of a file for a catalog. Such a writer goes on writing the file: it leaves the column and the table out.
  static func prepare(_ db: Database, path: String) throws {
    guard try layout(of: db, path: path) == nil else {
      if try !db.columns(in: "release").contains(where: { $0.name == "other_catalog_id" }) {
        try db.execute(sql: "ALTER TABLE release ADD COLUMN other_catalog_id TEXT")
      }
      return try createFillTable(db)
    }
    try db.execute(
      sql: """
        CREATE TABLE tower (
          id INTEGER PRIMARY KEY,
          fingerprint TEXT NOT NULL UNIQUE,
          embedding_dim INTEGER NOT NULL
        );
        CREATE TABLE embedding (
          id INTEGER PRIMARY KEY,
          tower_id INTEGER NOT NULL REFERENCES tower (id),
          image_sha256 BLOB NOT NULL,
          vector BLOB NOT NULL,
          UNIQUE (image_sha256, tower_id)
        );
        """)
    try createSnapshotTables(db)
  }

  /// The tables of layout 2 beside those that layout 1 has as well, and the file's mark.
  ///
  /// The items' table is called otherwise than in layout 1: an earlier release that still has the file open fails instead of
  /// taking the rows of all snapshots for items.
  static func createSnapshotTables(_ db: Database) throws {
    try db.execute(
      sql: """
        CREATE TABLE catalog (
          id INTEGER PRIMARY KEY CHECK (id = 1),
          catalog_id TEXT NOT NULL,
          -- 0 before the first; never falls, so that no number is given twice.
          newest_snapshot INTEGER NOT NULL,
          -- What a file of layout 1 held; NULL for a file that began with snapshots.
          migrated_snapshot INTEGER
        );
        CREATE TABLE snapshot (
          number INTEGER PRIMARY KEY,
          create_time_unix_micros INTEGER NOT NULL,
          item_count INTEGER NOT NULL,
          label TEXT NOT NULL,
          fingerprint TEXT NOT NULL
        );
        -- What the followed index's stable version was built from, as it was last heard of.
        CREATE TABLE release (
          id INTEGER PRIMARY KEY CHECK (id = 1),
          index_name TEXT NOT NULL,
          version TEXT NOT NULL,
          snapshot INTEGER NOT NULL,
          -- That the snapshot must have; empty where the version does not tell it.
          fingerprint TEXT NOT NULL,
          -- Whose snapshot it is; NULL for this file's own.
          other_catalog_id TEXT
        );
        CREATE TABLE snapshot_item (
          id INTEGER PRIMARY KEY,
          item_id TEXT NOT NULL,
          first_snapshot INTEGER NOT NULL,
          last_snapshot INTEGER,
          content_sha256 BLOB NOT NULL,
          image_sha256 BLOB,
          title TEXT NOT NULL,
          brand TEXT NOT NULL,
          category TEXT NOT NULL,
          description TEXT NOT NULL,
          cf BLOB,
          text BLOB,
          UNIQUE (item_id, first_snapshot)
        );
        CREATE UNIQUE INDEX draft_item ON snapshot_item (item_id) WHERE last_snapshot IS NULL;
        CREATE INDEX begun_item ON snapshot_item (first_snapshot);
        CREATE INDEX ended_item ON snapshot_item (last_snapshot) WHERE last_snapshot IS NOT NULL;
        PRAGMA application_id = \(applicationID);
        PRAGMA user_version = \(layout);
        """)
    try db.execute(
      sql: "INSERT INTO catalog (id, catalog_id, newest_snapshot) VALUES (1, ?, 0)",
      arguments: [UUID().uuidString.lowercased()])
    try createFillTable(db)
  }

  static func towerRow(_ db: Database, path: String, tower: String, embeddingDim: Int) throws -> Int64 {
    try db.execute(
      sql: "INSERT OR IGNORE INTO tower (fingerprint, embedding_dim) VALUES (?, ?)", arguments: [tower, embeddingDim])
    let row = try Row.fetchOne(db, sql: "SELECT id, embedding_dim FROM tower WHERE fingerprint = ?", arguments: [tower])
    guard let row, row["embedding_dim"] as Int == embeddingDim else {
      throw StoreError(.corrupt, "\(path) holds embeddings of another length under this tower; name another --store")
    }
    return row["id"]
  }

  // MARK: Vectors as they lie in the file: little-endian 32-bit floats

  static func data(_ vector: [Float]) -> Data { vector.withUnsafeBytes { Data($0) } }

  /// The vector in a column, nil for NULL.
  static func vector(_ row: Row, _ column: String) throws -> [Float]? {
    try row.withUnsafeData(named: column) { data -> [Float]? in
      guard let data else { return nil }
      guard data.count % MemoryLayout<Float>.size == 0 else {
        throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "\(column) holds \(data.count) bytes")
      }
      return [Float](unsafeUninitializedCapacity: data.count / MemoryLayout<Float>.size) { out, count in
        data.copyBytes(to: UnsafeMutableRawBufferPointer(out))
        count = out.count
      }
    }
  }
}
