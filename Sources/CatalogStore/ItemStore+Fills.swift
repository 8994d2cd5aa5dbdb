// SPDX-License-Identifier: Apache-2.0

import GRDB

// Who fills the draft. Half of a file is no catalog: where a stream broke off, what it was to bring is missing.

extension ItemStore {
  /// Files of releases before this table, or before its last column, lack it; such a release goes on writing the file and leaves out what
  /// it does not know.
  static func createFillTable(_ db: Database) throws {
    try db.execute(
      sql: """
        CREATE TABLE IF NOT EXISTS draft_fill (
          number INTEGER PRIMARY KEY,
          actor TEXT NOT NULL,
          who TEXT NOT NULL,
          begun_unix_micros INTEGER NOT NULL,
          syncs INTEGER NOT NULL DEFAULT 0
        )
        """)
    if try !db.columns(in: "draft_fill").contains(where: { $0.name == "syncs" }) {
      try db.execute(sql: "ALTER TABLE draft_fill ADD COLUMN syncs INTEGER NOT NULL DEFAULT 0")
    }
  }

  /// Notes that a stream begins to fill the draft.
  ///
  /// Blocks until it is on the disk.
  package func begin(_ fill: DraftFill) throws(StoreError) {
    try write { db in
      try db.execute(
        sql: "INSERT INTO draft_fill (number, actor, who, begun_unix_micros, syncs) VALUES (?, ?, ?, ?, ?)",
        arguments: [fill.number, fill.actor, fill.who, fill.begunMicros, fill.syncs])
    }
  }

  /// Notes that everything a stream was to bring is in the draft, and where it syncs that nothing else is. It makes good earlier ones
  /// that broke off.
  ///
  /// Blocks until it is on the disk.
  ///
  /// - Parameter live: numbers of the streams that go on.
  package func end(_ fill: DraftFill, live: Set<Int64>) throws(StoreError) {
    try write { db in
      try Self.forgetFills(db) { other in
        other.number == fill.number || !live.contains(other.number) && other.isMadeGood(by: fill)
      }
    }
  }

  /// Those that broke off, the oldest first.
  ///
  /// - Parameter live: numbers of the streams that go on.
  package func brokenFills(live: Set<Int64>) async throws -> [DraftFill] {
    try await read { db in try Self.fills(db).filter { !live.contains($0.number) } }
  }

  static func forgetFills(_ db: Database, where isOver: (DraftFill) -> Bool) throws {
    for fill in try fills(db) where isOver(fill) {
      try db.execute(sql: "DELETE FROM draft_fill WHERE number = ?", arguments: [fill.number])
    }
  }

  private static func fills(_ db: Database) throws -> [DraftFill] {
    try Row.fetchAll(db, sql: "SELECT * FROM draft_fill ORDER BY begun_unix_micros, number").map {
      DraftFill(
        number: $0["number"], actor: $0["actor"], who: $0["who"], begunMicros: $0["begun_unix_micros"],
        syncs: $0["syncs"])
    }
  }
}
