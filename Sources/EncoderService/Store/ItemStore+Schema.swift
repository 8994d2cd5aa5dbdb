// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB

extension ItemStore {
  /// Marks the file as ours (`PRAGMA application_id`): "ILMR".
  private static let applicationID: Int32 = 0x494C_4D52
  /// Of the schema below (`PRAGMA user_version`).
  private static let schemaVersion = 1

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

  /// Checks or creates the tables and returns the row of the tower.
  static func prepare(_ db: Database, path: String, tower: String, embeddingDim: Int) throws -> Int64 {
    let version = try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
    let application = try Int32.fetchOne(db, sql: "PRAGMA application_id") ?? 0
    let tables = try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_master WHERE type = 'table'") ?? 0
    if application == 0, version == 0, tables == 0 {
      try createTables(db)
    } else if application != applicationID {
      throw StoreError(.corrupt, "\(path) is an SQLite file of another program; name another --store")
    } else if version > schemaVersion {
      throw StoreError(
        .tooNew,
        "\(path) has version \(version) of the item store's layout, this software reads up to \(schemaVersion); update it"
      )
    }
    return try towerRow(db, path: path, tower: tower, embeddingDim: embeddingDim)
  }

  private static func createTables(_ db: Database) throws {
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
        CREATE TABLE item (
          id INTEGER PRIMARY KEY,
          item_id TEXT NOT NULL UNIQUE,
          title TEXT NOT NULL,
          brand TEXT NOT NULL,
          category TEXT NOT NULL,
          description TEXT NOT NULL,
          image_sha256 BLOB,
          cf BLOB,
          text BLOB
        );
        PRAGMA application_id = \(applicationID);
        PRAGMA user_version = \(schemaVersion);
        """)
  }

  private static func towerRow(_ db: Database, path: String, tower: String, embeddingDim: Int) throws -> Int64 {
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
