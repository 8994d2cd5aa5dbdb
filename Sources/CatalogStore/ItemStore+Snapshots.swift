// SPDX-License-Identifier: Apache-2.0

import Digest
import Foundation
import GRDB

extension ItemStore {
  /// Makes the draft the next snapshot and begins another draft as the same items.
  ///
  /// Blocks until it is on the disk.
  ///
  /// - Parameter live: numbers of the streams that go on filling the draft; whoever broke off counts no more.
  /// - Returns: the new snapshot, or the newest one when the draft does not differ from it.
  package func commit(
    label: String = "", live: Set<Int64> = []
  ) throws(StoreError) -> (snapshot: CatalogSnapshot, isNew: Bool) {
    try write { db in
      try Self.forgetFills(db) { !live.contains($0.number) }
      let state = try Self.state(db)
      let differs = try Self.draftDiffers(state, db)
      if !differs, let newest = try Self.snapshot(state.newest, db) { return (newest, false) }
      return (try Self.freeze(state.draft, label: label, db), true)
    }
  }

  /// Makes the draft the newest snapshot's items again.
  ///
  /// Blocks until it is on the disk.
  ///
  /// - Parameter live: as for ``commit(label:live:)``.
  /// - Returns: how it had differed.
  package func discardDraft(live: Set<Int64> = []) throws(StoreError) -> CatalogChanges {
    try write { db in
      try Self.forgetFills(db) { !live.contains($0.number) }
      let state = try Self.state(db)
      let changes = try Self.draftChanges(state, db)
      try db.execute(sql: "DELETE FROM snapshot_item WHERE first_snapshot = ?", arguments: [state.draft])
      try db.execute(
        sql: "UPDATE snapshot_item SET last_snapshot = NULL WHERE last_snapshot = ?", arguments: [state.newest])
      return changes
    }
  }

  /// Deletes a snapshot, and the rows that neither another one nor the draft has. The newest is kept, because the draft is
  /// told by what differs from it, and so is the released one.
  ///
  /// Blocks until it is on the disk.
  package func drop(_ number: Int) throws(StoreError) {
    try write { db in
      let state = try Self.state(db)
      guard try Self.fingerprint(of: number, db) != nil else { throw notFound(number) }
      guard number != state.newest else {
        throw StoreError(
          .snapshotInUse, "snapshot \(number) is the newest one, which the draft builds on; commit another one first")
      }
      guard try number != releasedNumber(state, db) else {
        throw StoreError(
          .snapshotInUse,
          "snapshot \(number) is what users are answered from; promote a version of another snapshot first")
      }
      try Self.drop(number, db)
    }
  }

  /// Deletes all snapshots but those that are named, the newest and the released one.
  ///
  /// Blocks until it is on the disk.
  ///
  /// - Returns: the numbers of the deleted ones.
  package func dropAll(but named: Set<Int>) throws(StoreError) -> [Int] {
    try write { db in
      let state = try Self.state(db)
      let kept = named.union([state.newest, try releasedNumber(state, db)].compactMap(\.self))
      let others = try Int.fetchAll(db, sql: "SELECT number FROM snapshot ORDER BY number").filter {
        !kept.contains($0)
      }
      for number in others { try Self.drop(number, db) }
      return others
    }
  }

  // MARK: The list

  /// What there is.
  package struct Listing: Sendable, Equatable {
    /// Newest first.
    package let snapshots: [CatalogSnapshot]
    /// What is read by default; nil before the first snapshot, and where this file does not hold what the release was built from.
    package let released: Int?
    /// Where that comes from; nil when no index is followed, or none was heard of.
    package let release: CatalogRelease?
    /// What the file held before it had snapshots.
    package let migrated: Int?
    package let draftItemCount: Int
    package let draftChanges: CatalogChanges
  }

  package func listing() async throws -> Listing {
    try await read { db in
      let state = try Self.state(db)
      return Listing(
        snapshots: try Row.fetchAll(db, sql: "SELECT * FROM snapshot ORDER BY number DESC").map(CatalogSnapshot.init),
        released: try self.readableNumber(state, db), release: try self.knownRelease(db), migrated: state.migrated,
        draftItemCount: try Self.draftCount(db), draftChanges: try Self.draftChanges(state, db))
    }
  }

  /// What there is, in short.
  package struct Overview: Sendable, Equatable {
    /// Nil before the first snapshot.
    package let newest: Int?
    /// As in ``Listing``.
    package let released: Int?
    package let release: CatalogRelease?
    package let draftItemCount: Int
  }

  package func overview() async throws -> Overview {
    try await read { db in
      let state = try Self.state(db)
      return Overview(
        newest: state.newest == 0 ? nil : state.newest, released: try self.readableNumber(state, db),
        release: try self.knownRelease(db), draftItemCount: try Self.draftCount(db))
    }
  }

  // MARK: -

  static func draftCount(_ db: Database) throws -> Int {
    try Int.fetchOne(db, sql: "SELECT count(*) FROM snapshot_item WHERE last_snapshot IS NULL") ?? 0
  }

  private static func draftDiffers(_ state: State, _ db: Database) throws -> Bool {
    try Bool.fetchOne(
      db,
      sql: """
        SELECT EXISTS (SELECT 1 FROM snapshot_item WHERE first_snapshot = ?)
          OR EXISTS (SELECT 1 FROM snapshot_item WHERE last_snapshot = ?)
        """, arguments: [state.draft, state.newest]) ?? false
  }

  private static func draftChanges(_ state: State, _ db: Database) throws -> CatalogChanges {
    try CatalogDifference(from: state.newest, to: state.draft).counts(db)
  }

  private static func snapshot(_ number: Int, _ db: Database) throws -> CatalogSnapshot? {
    try Row.fetchOne(db, sql: "SELECT * FROM snapshot WHERE number = ?", arguments: [number]).map(CatalogSnapshot.init)
  }

  static func freeze(_ number: Int, label: String, _ db: Database) throws -> CatalogSnapshot {
    let (count, fingerprint) = try summary(db)
    guard count > 0 else {
      throw StoreError(
        .draftEmpty, "the draft holds no items; `illmrec catalog encode` brings them in before a snapshot is committed")
    }
    let micros = Int64((Date().timeIntervalSince1970 * 1e6).rounded())
    try db.execute(
      sql:
        "INSERT INTO snapshot (number, create_time_unix_micros, item_count, label, fingerprint) VALUES (?, ?, ?, ?, ?)",
      arguments: [number, micros, count, label, fingerprint])
    try db.execute(sql: "UPDATE catalog SET newest_snapshot = ?", arguments: [number])
    return CatalogSnapshot(
      number: number, createdMicros: micros, itemCount: count, label: label, fingerprint: fingerprint)
  }

  /// Of the draft: how many items it has, and SHA-256 over what they are, in the order of their ids.
  private static func summary(_ db: Database) throws -> (count: Int, fingerprint: String) {
    var digest = SHA256()
    digest.update("illmrec catalog 1\n")
    var count = 0
    let rows = try Row.fetchCursor(
      db, sql: "SELECT content_sha256 FROM snapshot_item WHERE last_snapshot IS NULL ORDER BY item_id")
    while let row = try rows.next() {
      try row.withUnsafeData(atIndex: 0) { $0?.withUnsafeBytes { digest.update($0) } }
      count += 1
    }
    return (count, digest.finishHex())
  }

  private static func drop(_ number: Int, _ db: Database) throws {
    try db.execute(sql: "DELETE FROM snapshot WHERE number = ?", arguments: [number])
    try db.execute(
      sql: """
        DELETE FROM snapshot_item WHERE first_snapshot <= :number AND last_snapshot >= :number
          AND NOT EXISTS (SELECT 1 FROM snapshot WHERE number BETWEEN first_snapshot AND last_snapshot)
        """, arguments: ["number": number])
  }
}

extension CatalogSnapshot {
  fileprivate init(_ row: Row) {
    self.init(
      number: row["number"], createdMicros: row["create_time_unix_micros"], itemCount: row["item_count"],
      label: row["label"], fingerprint: row["fingerprint"])
  }
}
