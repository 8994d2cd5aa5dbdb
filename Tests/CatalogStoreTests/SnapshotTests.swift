// SPDX-License-Identifier: Apache-2.0

import Basics
import Foundation
import GRDB
import Items
import TestSupport
import Testing

@testable import CatalogStore

@Suite("Snapshots of the catalog never change") struct SnapshotTests {
  private let fixture: StoreFixture

  init() throws { fixture = try StoreFixture() }

  private typealias F = StoreFixture

  @Test func `What is written goes to the draft, and serves nobody before the commit`() async throws {
    let store = try fixture.open()
    try store.put([F.item("a", "one")])
    #expect(await F.code { _ = try await store.contents() } == .nothingCommitted)
    #expect(try await store.contents(.draft) == ["a one"])
    let (first, isNew) = try store.commit(label: "spring")
    #expect(isNew && first.number == 1 && first.itemCount == 1 && first.label == "spring")
    try store.put([F.item("a", "two"), F.item("b", "new")])
    #expect(try await store.contents() == ["a one"])
    #expect(try await store.contents(.draft) == ["a two", "b new"])
    #expect(try store.commit().snapshot.number == 2)
    #expect(try await store.contents() == ["a two", "b new"])
    #expect(try await store.contents(.number(1)) == ["a one"])
    #expect(await F.code { _ = try await store.contents(.number(3)) } == .snapshotNotFound)
    #expect(await F.code { _ = try await store.contents(.number(0)) } == .snapshotNotFound)
  }

  @Test func `Looked up items are those of the snapshot that is named`() async throws {
    let store = try fixture.open()
    try store.put([F.item("a", "one", image: 1)])
    _ = try store.commit()
    try store.put([F.item("a", "two", image: 2)])
    let old = try await store.items(named: ["a"], in: .number(1), readsVectors: true)
    #expect(old.position.catalogID == store.catalogID && old.position.snapshot == 1)
    #expect(try await store.listing().snapshots.map(\.fingerprint) == [old.position.fingerprint])
    #expect(old.items[0]?.texts.title == "one" && old.items[0]?.image == .embedding([1, 1]))
    let draft = try await store.items(named: ["a"], in: .draft, readsVectors: true)
    #expect(draft.position.snapshot == nil && draft.items[0]?.image == .embedding([2, 1]))
  }

  @Test func `A draft in which nothing has changed is not committed again`() async throws {
    let store = try fixture.open()
    #expect(F.code { _ = try store.commit() } == .draftEmpty)
    try store.put([F.item("a", "one"), F.item("b", "two")])
    let first = try store.commit(label: "first").snapshot
    #expect(try store.commit(label: "again").isNew == false)
    // The same items once more, and one that is changed and changed back.
    try store.put([F.item("a", "one"), F.item("b", "changed"), F.item("c", "new")])
    try store.put([F.item("b", "two")])
    #expect(try store.delete(["c"]).isEmpty)
    #expect(try store.commit().snapshot == first)
    #expect(try store.rowCount() == 2)
    #expect(try await store.listing().draftChanges == CatalogChanges())
  }

  @Test func `Rows are shared between snapshots`() async throws {
    let store = try fixture.open()
    try store.put((0..<100).map { F.item("item-\($0)", "title") })
    _ = try store.commit()
    try store.put([F.item("item-7", "another")])
    _ = try store.commit()
    #expect(try store.rowCount() == 101)
    #expect(try await store.view(of: .number(2)).counts().items == 100)
  }

  @Test func `Equal items have equal fingerprints, in any store and order`() async throws {
    let (store, other) = (try fixture.open(), try StoreFixture())
    try store.put([F.item("a", "one"), F.item("b", "two")])
    let first = try store.commit().snapshot
    try store.put([F.item("a", "other")])
    let second = try store.commit().snapshot
    try store.put([F.item("a", "one")])
    let third = try store.commit().snapshot
    #expect(first.fingerprint == third.fingerprint && first.fingerprint != second.fingerprint)
    let twin = try other.open()
    for id in ["b", "a"] { try twin.put([F.item(id, id == "a" ? "one" : "two")]) }
    #expect(try twin.commit().snapshot.fingerprint == first.fingerprint)
    #expect(twin.catalogID != store.catalogID)
    #expect(try fixture.open().catalogID == store.catalogID)
  }

  @Test func `Removed items are gone from the draft and stay in the snapshot`() async throws {
    let store = try fixture.open()
    try store.put([F.item("a", "one"), F.item("b", "two")])
    _ = try store.commit()
    #expect(try store.delete(["b", "nothing", "b"]) == ["nothing", "b"])
    #expect(try await store.contents(.draft) == ["a one"])
    #expect(try await store.contents() == ["a one", "b two"])
    _ = try store.commit()
    #expect(try await store.contents() == ["a one"])
    #expect(try await store.contents(.number(1)) == ["a one", "b two"])
  }

  @Test func `A draft is made exactly what is named, by the bytes of the names`() async throws {
    let store = try fixture.open()
    let (composed, decomposed) = ("caf\u{E9}", "cafe\u{301}")
    #expect(composed == decomposed, "Swift takes them for the same")
    try store.put([F.item(composed, "one"), F.item(decomposed, "two"), F.item("x", "three")])
    #expect(try store.retain([Identifier(composed)]) == 2)
    #expect(try await store.contents(.draft) == ["\(composed) one"])
    #expect(try store.retain([]) == 1)
    #expect(try await store.contents(.draft).isEmpty)
  }

  @Test func `A discarded draft is the newest snapshot again`() async throws {
    let store = try fixture.open()
    try store.put([F.item("a", "one"), F.item("b", "two"), F.item("c", "three")])
    let first = try store.commit().snapshot
    try store.put([F.item("a", "changed"), F.item("d", "new")])
    _ = try store.delete(["b"])
    #expect(try store.discardDraft() == CatalogChanges(added: 1, changed: 1, removed: 1))
    #expect(try await store.contents(.draft) == ["a one", "b two", "c three"])
    #expect(try store.commit().snapshot == first)
    #expect(try store.rowCount() == 3)
  }

  @Test func `A first draft that is discarded is empty`() async throws {
    let store = try fixture.open()
    try store.put([F.item("a", "one")])
    #expect(try store.discardDraft() == CatalogChanges(added: 1))
    #expect(try await store.contents(.draft).isEmpty)
  }

  @Test func `A dropped snapshot takes the rows that no other one has with it`() async throws {
    let store = try fixture.open()
    for version in 1...4 {
      try store.put([F.item("always", "same"), F.item("each", "version \(version)")])
      if version == 2 { try store.put([F.item("once", "only in 2")]) } else { _ = try store.delete(["once"]) }
      _ = try store.commit()
    }
    #expect(try store.rowCount() == 1 + 4 + 1)
    try store.drop(2)
    #expect(try store.rowCount() == 1 + 3)
    #expect(await F.code { _ = try await store.contents(.number(2)) } == .snapshotNotFound)
    #expect(try await store.contents(.number(1)) == ["always same", "each version 1"])
    #expect(try await store.contents(.number(3)) == ["always same", "each version 3"])
    #expect(F.code { try store.drop(2) } == .snapshotNotFound)
    #expect(F.code { try store.drop(4) } == .snapshotInUse)
    #expect(try store.dropAll(but: []) == [1, 3])
    #expect(try await store.contents(.draft) == ["always same", "each version 4"])
    #expect(try store.rowCount() == 2)
    // Numbers are not given twice.
    try store.put([F.item("each", "version 5")])
    #expect(try store.commit().snapshot.number == 5)
  }

  @Test func `A view keeps what it was made of while snapshots are committed and dropped`() async throws {
    let store = try fixture.open()
    try store.put([F.item("a", "one")])
    _ = try store.commit()
    let view = try await store.view(of: .number(1))
    try store.put([F.item("a", "two")])
    _ = try store.commit()
    try store.drop(1)
    #expect(try await view.items(after: nil, limit: 10).map(\.texts.title) == ["one"])
  }

  @Test func `Differences name what was added, changed and removed`() async throws {
    let store = try fixture.open()
    try store.put([F.item("a", "one"), F.item("b", "two"), F.item("c", "three"), F.item("e", "five")])
    _ = try store.commit()
    try store.put([F.item("b", "two!"), F.item("c", "three", image: 2), F.item("d", "four"), F.item("e", "other")])
    _ = try store.delete(["a"])
    _ = try store.commit()
    // Changed and changed back, which is no difference between 1 and the draft.
    try store.put([F.item("e", "five")])
    let changes = try await store.changes(from: .number(1), to: .draft)
    #expect(changes.map(\.id) == ["a", "b", "c", "d"])
    #expect(changes.map(\.kind) == [.removed, .changed, .changed, .added])
    #expect(changes.map(\.fields) == [[], ["title"], ["image"], []])
    #expect(changes[1].before?.title == "two" && changes[1].after?.title == "two!")
    #expect(changes[0].after == nil && changes[3].before == nil)
    let counts = try await store.difference(from: .number(1), to: .draft).counts
    #expect(counts == CatalogChanges(added: 1, changed: 2, removed: 1))
    let back = try await store.changes(from: .draft, to: .number(1), page: 100)
    #expect(back.map(\.kind) == [.added, .changed, .changed, .removed])
    #expect(try await store.changes(from: .newest, to: .draft).map(\.id) == ["e"])
    #expect(try await store.changes(from: .number(2), to: .number(2)).isEmpty)
  }

  /// Whatever is written, committed, discarded and dropped, each snapshot reads as it was committed.
  @Test(arguments: 0..<20) func `Every kept snapshot reads as it was committed`(seed: UInt64) async throws {
    var random = SeededGenerator(seed: seed)
    let store = try fixture.open()
    var draft: [String: String] = [:]
    var newest: [String: String] = [:]
    var kept: [Int: [String: String]] = [:]
    for _ in 0..<60 {
      let id = "item-\(Int.random(in: 0..<8, using: &random))"
      switch Int.random(in: 0..<10, using: &random) {
      case 0..<5:
        let title = "title \(Int.random(in: 0..<3, using: &random))"
        try store.put([F.item(id, title)])
        draft[id] = title
      case 5, 6:
        #expect(try store.delete([id]).isEmpty == (draft.removeValue(forKey: id) != nil))
      case 7 where !draft.isEmpty:
        let (snapshot, isNew) = try store.commit()
        #expect(isNew == (draft != newest))
        (newest, kept[snapshot.number]) = (draft, draft)
      case 8:
        _ = try store.discardDraft()
        draft = newest
      default:
        let number = Int.random(in: 1...9, using: &random)
        if F.code({ try store.drop(number) }) == nil { kept[number] = nil }
      }
      for (choice, items) in kept.map({ (SnapshotChoice.number($0), $1) }) + [(.draft, draft)] {
        #expect(try await store.contents(choice) == items.map { "\($0) \($1)" }.sorted(), "seed \(seed)")
      }
      let difference = try await store.listing().draftChanges
      #expect(difference.added == draft.keys.count { newest[$0] == nil })
      #expect(difference.removed == newest.keys.count { draft[$0] == nil })
      #expect(difference.changed == draft.count { newest[$0.key] != nil && newest[$0.key] != $0.value })
    }
  }

  @Test func `A stream that broke off is known after its process has ended, and files without the table get it`()
    async throws
  {
    let (ann, bob) = (DraftFill(actor: "ann", who: "ann@host"), DraftFill(actor: "bob", who: "bob@host"))
    let first = try fixture.open()
    try first.begin(ann)
    try first.begin(bob)
    #expect(try await first.brokenFills(live: [ann.number, bob.number]) == [])
    let second = try fixture.open()
    #expect(try await second.brokenFills(live: []) == [ann, bob])
    let again = DraftFill(actor: "ann", who: "ann@host")
    try second.begin(again)
    try second.end(again, live: [again.number])
    #expect(try await second.brokenFills(live: []) == [bob])
    let sync = DraftFill(actor: "eve", who: "eve@host", syncs: true)
    try second.end(sync, live: [bob.number])
    #expect(try await second.brokenFills(live: []) == [bob], "who goes on is not made good by others")
    try second.end(sync, live: [])
    #expect(try await second.brokenFills(live: []) == [])
    try await second.pool.write { try $0.execute(sql: "DROP TABLE draft_fill") }
    #expect(try await fixture.open().brokenFills(live: []) == [])
  }

  @Test func `A file whose table does not say who was to bring all of it gets that column, and its streams are kept`()
    async throws
  {
    let first = try fixture.open()
    try first.begin(DraftFill(actor: "ann", who: "ann@host"))
    try await first.pool.write { try $0.execute(sql: "ALTER TABLE draft_fill DROP COLUMN syncs") }
    let second = try fixture.open()
    let kept = try await second.brokenFills(live: [])
    #expect(kept.map(\.who) == ["ann@host"] && kept.map(\.syncs) == [false])
    let sync = DraftFill(actor: "ann", who: "ann@host", syncs: true)
    try second.begin(sync)
    #expect(try await second.brokenFills(live: []).contains(sync))
    let small = DraftFill(actor: "ann", who: "ann@host")
    try second.end(small, live: [])
    #expect(try await second.brokenFills(live: []) == [sync])
  }
}
