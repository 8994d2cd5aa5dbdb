// SPDX-License-Identifier: Apache-2.0

import GRDB
import TestSupport
import Testing

@testable import CatalogStore

@Suite("What is read where nobody names a snapshot") struct ReleaseTests {
  private let fixture: StoreFixture

  init() throws { fixture = try StoreFixture() }

  private func release(_ snapshot: Int, of index: String = "default") -> CatalogRelease {
    CatalogRelease(index: index, version: "\(index)/versions/\(snapshot)", snapshot: snapshot)
  }

  private func fill(_ store: ItemStore, snapshots: Int) throws {
    for number in 1...snapshots {
      try store.put([StoreFixture.item("a", "snapshot \(number)")])
      _ = try store.commit()
    }
  }

  @Test func `Without an index that is followed, it is the newest`() async throws {
    let store = try fixture.open()
    try fill(store, snapshots: 2)
    try store.note(release(1))
    #expect(try await store.contents() == ["a snapshot 2"])
  }

  @Test func `It is what the stable version was built from, after a restart too`() async throws {
    var store = try fixture.open(following: "default")
    try fill(store, snapshots: 3)
    #expect(try await store.contents() == ["a snapshot 3"], "nothing was heard of the index yet")
    #expect(try store.note(release(2)))
    #expect(try !store.note(release(2)), "that is no news")
    #expect(try await store.contents() == ["a snapshot 2"])
    store = try fixture.open(following: "default")
    #expect(try await store.contents() == ["a snapshot 2"])
    #expect(try await store.overview().release == release(2))
    try store.note(nil)
    #expect(try await store.contents() == ["a snapshot 3"])
  }

  @Test func `What was heard of another index does not count`() async throws {
    try fill(try fixture.open(), snapshots: 2)
    try fixture.open(following: "default").note(release(1))
    #expect(try await fixture.open(following: "other").contents() == ["a snapshot 2"])
  }

  @Test func `It is never dropped`() async throws {
    let store = try fixture.open(following: "default")
    try fill(store, snapshots: 3)
    try store.note(release(2))
    #expect(StoreFixture.code { try store.drop(2) } == .snapshotInUse)
    #expect(try store.dropAll(but: []) == [1])
  }

  @Test func `A snapshot that the store lacks is not replaced by another one in silence`() async throws {
    let store = try fixture.open(following: "default")
    try fill(store, snapshots: 2)
    try store.note(release(7))
    #expect(await StoreFixture.code { _ = try await store.contents() } == .releaseMissing)
    #expect(try await store.contents(.number(2)) == ["a snapshot 2"])
  }

  @Test func `A version of another store's items is not answered from the newest snapshot in silence`() async throws {
    var store = try fixture.open(following: "default")
    try fill(store, snapshots: 2)
    let foreign = CatalogRelease(
      index: "default", version: "default/versions/9", snapshot: 1, fingerprint: "of others", otherCatalog: "another")
    #expect(try store.note(foreign))
    for _ in 1...2 {
      let reading = store
      let error = await #expect(throws: StoreError.self) { try await reading.contents() }
      #expect(error?.code == .releaseForeign)
      #expect(error?.message.contains("default/versions/9 was built from snapshot 1 of catalog another") == true)
      #expect(error?.message.contains(store.catalogID) == true)
      #expect(try await store.contents(.number(1)) == ["a snapshot 1"])
      let overview = try await store.overview()
      #expect(overview.released == nil && overview.release == foreign)
      store = try fixture.open(following: "default")
    }
    #expect(try store.dropAll(but: []) == [1], "it is not this store's snapshot 1 that answers")
    #expect(try await fixture.open().contents() == ["a snapshot 2"], "without an index that is followed")
  }

  @Test func `A file of before other stores were told apart is read on, by its writer as well`() async throws {
    var store = try fixture.open(following: "default")
    try fill(store, snapshots: 2)
    try store.note(release(1))
    try await store.pool.write { try $0.execute(sql: "ALTER TABLE release DROP COLUMN other_catalog_id") }
    store = try fixture.open(following: "default")
    #expect(try await store.contents() == ["a snapshot 1"])
    // As that release writes.
    try await store.pool.write { db in
      try db.execute(sql: "DELETE FROM release")
      try db.execute(
        sql: """
          INSERT INTO release (id, index_name, version, snapshot, fingerprint)
          VALUES (1, 'default', 'default/versions/2', 2, '')
          """)
    }
    #expect(try await store.contents() == ["a snapshot 2"])
  }

  @Test func `A number that was given again after a restored backup is not taken for the snapshot that had it`()
    async throws
  {
    let store = try fixture.open(following: "default")
    try fill(store, snapshots: 2)
    let fingerprint = try await store.listing().snapshots[0].fingerprint
    let lost = CatalogRelease(index: "default", version: "default/versions/9", snapshot: 2, fingerprint: "of others")
    try store.note(lost)
    #expect(await StoreFixture.code { _ = try await store.contents() } == .releaseMissing)
    let listing = try await store.listing()
    #expect(listing.released == nil && listing.release == lost)
    try store.note(
      CatalogRelease(index: "default", version: "default/versions/9", snapshot: 2, fingerprint: fingerprint))
    #expect(try await store.contents() == ["a snapshot 2"])
  }

  @Test func `A migrated store reads what it held until something is heard of the index`() async throws {
    try fixture.writeLayout1(["a": "before"])
    let store = try fixture.open(following: "default")
    try store.put([StoreFixture.item("a", "later")])
    _ = try store.commit()
    #expect(try await store.contents() == ["a before"])
    try store.note(release(2))
    #expect(try await store.contents() == ["a later"])
  }
}
