// SPDX-License-Identifier: Apache-2.0

import GRDB

extension ItemStore {
  /// The store's only row about itself.
  struct State {
    let catalogID: String
    /// 0 before the first.
    let newest: Int
    /// What the file held before it had snapshots.
    let migrated: Int?

    /// The number that the draft will have as a snapshot.
    var draft: Int { newest + 1 }
  }

  static func state(_ db: Database) throws -> State {
    let statement = try db.cachedStatement(sql: "SELECT catalog_id, newest_snapshot, migrated_snapshot FROM catalog")
    guard let row = try Row.fetchOne(statement) else {
      throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "the catalog's row is missing")
    }
    return State(catalogID: row["catalog_id"], newest: row["newest_snapshot"], migrated: row["migrated_snapshot"])
  }

  // MARK: What is read

  /// The number that rows are compared with; the draft has the one after the newest snapshot's.
  func resolve(_ choice: SnapshotChoice, _ db: Database) throws -> (number: Int, position: CatalogPosition) {
    let state = try Self.state(db)
    func position(_ snapshot: Int?, _ fingerprint: String) -> (number: Int, position: CatalogPosition) {
      (
        snapshot ?? state.draft,
        CatalogPosition(catalogID: catalogID, snapshot: snapshot, fingerprint: fingerprint)
      )
    }
    switch choice {
    case .draft: return position(nil, "")
    case .newest: return position(state.newest, try Self.fingerprint(of: state.newest, db) ?? "")
    case .number(let number):
      guard let fingerprint = try Self.fingerprint(of: number, db) else { throw notFound(number) }
      return position(number, fingerprint)
    case .released:
      let (number, fingerprint) = try released(state, db)
      return position(number, fingerprint)
    }
  }

  private func released(_ state: State, _ db: Database) throws -> (number: Int, fingerprint: String) {
    let release = try knownRelease(db)
    if let release, let other = release.otherCatalog {
      throw StoreError(
        .releaseForeign,
        "\(release.version) was built from snapshot \(release.snapshot) of catalog \(other), and the item store \(path) is catalog "
          + "\(catalogID); start with the store that the version was built from, or publish a snapshot of this one and promote "
          + "that version. Whoever names a snapshot of this catalog reads it")
    }
    guard let number = try releasedNumber(state, db) else {
      throw StoreError(
        .nothingCommitted,
        "no snapshot of the catalog is committed yet; `illmrec catalog encode` fills the draft, `illmrec catalog commit` or "
          + "`illmrec index publish` makes it a snapshot")
    }
    let expected = release?.fingerprint ?? ""
    guard let fingerprint = try Self.fingerprint(of: number, db), expected.isEmpty || expected == fingerprint else {
      let version = release?.version ?? "the version that serves"
      throw StoreError(
        .releaseMissing,
        "\(version) was built from snapshot \(number) of this catalog, which the item store \(path) does not hold; restore the "
          + "store from a backup that does, or publish a snapshot that it holds and promote that version")
    }
    return (number, fingerprint)
  }

  /// What is read by default; nil where nothing can be.
  func readableNumber(_ state: State, _ db: Database) throws -> Int? {
    do {
      return try released(state, db).number
    } catch let error as StoreError
      where [.nothingCommitted, .releaseMissing, .releaseForeign].contains(error.code)
    {
      return nil
    }
  }

  /// What is read by default, whether it is kept or not; nil before the first snapshot, and where it is another store's.
  func releasedNumber(_ state: State, _ db: Database) throws -> Int? {
    guard state.newest > 0 else { return nil }
    guard followedIndex != nil else { return state.newest }
    guard let release = try knownRelease(db) else { return state.migrated ?? state.newest }
    return release.otherCatalog == nil ? release.snapshot : nil
  }

  /// As the followed index was last heard of; nil before that.
  func knownRelease(_ db: Database) throws -> CatalogRelease? {
    guard let followedIndex else { return nil }
    let statement = try db.cachedStatement(
      sql: "SELECT version, snapshot, fingerprint, other_catalog_id FROM release WHERE index_name = ?")
    return try Row.fetchOne(statement, arguments: [followedIndex]).map {
      CatalogRelease(
        index: followedIndex, version: $0["version"], snapshot: $0["snapshot"], fingerprint: $0["fingerprint"],
        otherCatalog: $0["other_catalog_id"])
    }
  }

  /// Of a snapshot; nil when it is not kept.
  static func fingerprint(of number: Int, _ db: Database) throws -> String? {
    let statement = try db.cachedStatement(sql: "SELECT fingerprint FROM snapshot WHERE number = ?")
    return try String.fetchOne(statement, arguments: [number])
  }

  func notFound(_ number: Int) -> StoreError {
    StoreError(
      .snapshotNotFound,
      "there is no snapshot \(number) of the catalog; `illmrec catalog list` shows those that are kept")
  }
}
