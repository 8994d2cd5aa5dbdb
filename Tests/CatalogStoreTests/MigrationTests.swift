// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import Items
import TestSupport
import Testing

@testable import CatalogStore

@Suite("Files of the layout before snapshots are taken over") struct MigrationTests {
  private let fixture: StoreFixture
  private var copy: String { fixture.path + ".layout-1" }

  init() throws {
    fixture = try StoreFixture()
    try fixture.writeLayout1(["b": "two", "a": "one"])
  }

  private static func titles(of path: String) throws -> [String] {
    try DatabaseQueue(path: path).read { try String.fetchAll($0, sql: "SELECT title FROM item ORDER BY item_id") }
  }

  @Test func `The items become snapshot 1, and a copy of the file stays`() async throws {
    var announced: [String] = []
    let store = try ItemStore(path: fixture.path, tower: "tower", embeddingDim: 2) { announced.append($0) }
    #expect(announced == [copy] && store.migratedFrom == copy)
    #expect(try FileManager.default.attributesOfItem(atPath: copy)[.posixPermissions] as? Int == 0o600)
    #expect(try await store.contents(.number(1)) == ["a one", "b two"])
    let item = try await store.items(named: ["a"], in: .number(1), readsVectors: true).items[0]
    #expect(
      item
        == CatalogEntry<StoredImage>(
          id: "a", texts: ItemTexts(title: "one", brand: "b", category: "c", description: "d"),
          image: .embedding([1, 1]), cf: [3, 4]))
    let listing = try await store.listing()
    #expect(listing.snapshots.map(\.number) == [1] && listing.snapshots[0].itemCount == 2 && listing.migrated == 1)
    #expect(listing.draftChanges == CatalogChanges() && listing.draftItemCount == 2)
    #expect(try Self.titles(of: copy) == ["one", "two"])
    // What was encoded before and is sent again changes nothing.
    try store.put([
      CatalogEntry(
        id: "a", texts: ItemTexts(title: "one", brand: "b", category: "c", description: "d"),
        image: EmbeddedImage(digest: ImageDigest(bytes: [UInt8](repeating: 1, count: 32)), embedding: [1, 1]),
        cf: [3, 4])
    ])
    #expect(try store.commit().isNew == false)
  }

  @Test func `The second start has nothing to take over`() throws {
    let first = try fixture.open()
    let second = try fixture.open()
    #expect(second.migratedFrom == nil && second.catalogID == first.catalogID)
    #expect(fixture.directory.entries("").filter { $0.contains("layout-1") } == ["items.sqlite.layout-1"])
  }

  @Test func `A copy is not made twice, and none is written over`() throws {
    let source = try Data(contentsOf: URL(filePath: fixture.path))
    _ = try fixture.open()
    // As a start that was killed between the copy and the migration leaves it: the old file, and its copy.
    try restore()
    #expect(try fixture.open().migratedFrom == copy)
    // As a person leaves it who went back, stored more, and comes again.
    try restore()
    try DatabaseQueue(path: fixture.path).write { try $0.execute(sql: "UPDATE item SET title = 'changed'") }
    let store = try fixture.open()
    #expect(store.migratedFrom == copy + "-2")
    #expect(try Self.titles(of: copy) == ["one", "two"])
    #expect(try Self.titles(of: copy + "-2") == ["changed", "changed"])
    #expect(!source.isEmpty)
  }

  private func restore() throws {
    for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: fixture.path + suffix) }
    try FileManager.default.copyItem(atPath: copy, toPath: fixture.path)
  }

  @Test func `An empty file of the layout before has no snapshot`() async throws {
    let other = try StoreFixture()
    try other.writeLayout1([:])
    let store = try other.open()
    #expect(try await store.listing().snapshots.isEmpty)
    #expect(await StoreFixture.code { _ = try await store.contents() } == .nothingCommitted)
  }

  @Test func `Ids that differ in bytes alone stay two items`() async throws {
    let other = try StoreFixture()
    try other.writeLayout1(["caf\u{E9}": "one", "cafe\u{301}": "two"])
    #expect(try await other.open().view().counts().items == 2)
  }

  @Test func `An earlier release that still has the file open fails, and takes nothing for its items`() throws {
    let earlier = try DatabasePool(path: fixture.path)
    _ = try earlier.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM item") }
    _ = try fixture.open()
    #expect(throws: DatabaseError.self) {
      _ = try earlier.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM item") }
    }
    #expect(throws: DatabaseError.self) {
      try earlier.write { try $0.execute(sql: "UPDATE item SET title = 'lost'") }
    }
  }

  @Test func `Where the copy cannot be made, the file stays as it is`() throws {
    try FileManager.default.createDirectory(atPath: copy + ".partial", withIntermediateDirectories: false)
    #expect(StoreFixture.code { _ = try fixture.open() } != nil)
    #expect(try Self.titles(of: fixture.path) == ["one", "two"])
  }
}
