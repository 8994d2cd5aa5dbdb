// SPDX-License-Identifier: Apache-2.0

import Backups
import CatalogStore
import CrashProbe
import Foundation
import Items
import TestSupport
import Testing
import VectorIndex

@Suite("Backups of stores in use")
struct BackupTests {
  let fixture: BackupFixture

  init() throws { fixture = try BackupFixture() }

  @Test
  func `What served at the backup serves after the restore, and what came later does not`() async throws {
    let (store, index) = (try fixture.openStore(), try fixture.openIndex())
    try fixture.fill(store, index)
    let manifest = try fixture.backup()
    try store.put([BackupFixture.item("a", "third"), BackupFixture.item("b", "late")])
    _ = try store.commit()
    _ = try index.promote(index.publish(Catalog(count: 40, dim: 3, seed: 3)).info.name)
    #expect(manifest.catalog?.snapshots == [1, 2])
    #expect(manifest.catalog?.catalogID == store.catalogID)
    #expect(manifest.indexes?.map(\.name) == ["items"])
    #expect(manifest.indexes?.first?.stable == 2)
    #expect(manifest.indexes?.first?.versions.map(\.number) == [1, 2])

    try fixture.restore()
    let restored = try fixture.openIndex(fixture.directory.file("new/index"))
    #expect(restored.findings.isEmpty)
    #expect(try restored.versions(of: "items").map(\.info.name.number) == [2, 1])
    #expect(try restored.resolve(index: "items").version.info.itemCount == 30)
    let query = SearchQuery(vector: [1, 2, 3], k: 5)
    let found = try Searcher(threads: 1).search([query], in: restored.resolve(index: "items").version)[0].get()
    #expect(found == Catalog(count: 30, dim: 3, seed: 2).ranking(of: query))
    #expect(try fixture.directory.read("new/index/outcome-key") == Data(repeating: 7, count: 32))
    let items = try fixture.openStore(fixture.directory.file("new/items.sqlite"))
    #expect(items.catalogID == store.catalogID)
    #expect(try await items.view(of: .released).items(after: nil, limit: 9).map(\.texts.title) == ["second"])
  }

  @Test(.timeLimit(.minutes(5)))
  func `Each backup under changes is one state that there was`() async throws {
    let (store, index) = (try fixture.openStore(), try fixture.openIndex())
    try fixture.fill(store, index)
    let changes = try Changes(store: store, index: index)
    for round in 1...8 {
      let manifest = try fixture.backup("backup-\(round)")
      let copy = fixture.directory.file("new/index-\(round)")
      try Restore(fixture.directory.file("backup-\(round)"), store: nil, data: copy).run()
      let restored = try fixture.openIndex(copy)
      #expect(restored.findings.isEmpty, "round \(round)")
      let serving = try restored.servingState(of: "items")
      #expect(serving.stable == manifest.indexes?.first?.stable)
      // Versions alternate between two sizes: of an odd number 20 items, of an even one 30.
      let size = (serving.stable ?? 0) % 2 == 1 ? 20 : 30
      #expect(try restored.resolve(index: "items").version.info.itemCount == size)
    }
    await changes.end()
    #expect(changes.count > 0)
    #expect(changes.failure == nil)
  }

  @Test
  func `Nobody but the owner can read a backup, nor the key after a restore`() throws {
    try fixture.fill(fixture.openStore(), fixture.openIndex())
    _ = try fixture.backup()
    #expect(try fixture.mode("backup") == 0o700)
    let files = fixture.files("backup")
    #expect(files.contains("index/outcome-key") && files.contains("items.sqlite") && files.contains("backup.json"))
    for file in files { #expect(try fixture.mode("backup/\(file)") == 0o600, "\(file)") }
    try fixture.restore()
    #expect(try fixture.mode("new/index/outcome-key") == 0o600)
    #expect(try fixture.mode("new/items.sqlite") == 0o600)
    #expect(try fixture.mode("new/index") == 0o750)
  }

  @Test
  func `A backup that fails or is interrupted at any moment leaves nothing`() throws {
    try fixture.fill(fixture.openStore(), fixture.openIndex())
    var failures = 0
    while true {
      let progress = FailingProgress(at: failures)
      let isDone = (try? fixture.backup(progress: { _ in try progress.tick() })) != nil
      if isDone { break }
      failures += 1
      #expect(fixture.directory.entries("") == ["new", "state"], "failed at \(failures)")
    }
    #expect(failures > 5)
    #expect(fixture.isDirectory("backup"))
  }

  @Test
  func `Nothing is written over, and another backup to the same folder is known`() throws {
    try fixture.fill(fixture.openStore(), fixture.openIndex())
    _ = try fixture.directory.makeDirectory("backup")
    #expect(BackupFixture.code { _ = try fixture.backup() } == .exists)
    _ = try fixture.directory.makeDirectory("other.partial")
    #expect(BackupFixture.code { _ = try fixture.backup("other") } == .exists)
    #expect(fixture.isDirectory("other.partial"), "it may be somebody's")
  }

  @Test(arguments: ["vectors.f32", "ids.utf8", "manifest.json"])
  func `A damaged version is not kept as if it were whole`(file: String) throws {
    try fixture.fill(fixture.openStore(), fixture.openIndex())
    try fixture.damage("state/index/indexes/items/versions/1/\(file)")
    let error = #expect(throws: (any Error).self) { _ = try fixture.backup() }
    #expect(error.map { "\($0)" }?.contains("versions/1/\(file)") == true)
    #expect(fixture.directory.entries("") == ["new", "state"])
  }

  @Test
  func `What is no store and no data directory is refused by name`() throws {
    let index = try fixture.openIndex()
    try index.publish(Catalog(count: 20, dim: 3, seed: 1))
    #expect(throws: StoreError.self) { _ = try fixture.backup() }
    try fixture.directory.write("no SQLite", to: "state/items.sqlite")
    #expect(throws: StoreError.self) { _ = try fixture.backup() }
    let other = Backup(
      store: nil, data: fixture.directory.file("new"), out: fixture.directory.file("backup"), softwareVersion: "test")
    #expect(throws: VectorIndexError.self) { _ = try other.run() }
    #expect(fixture.directory.entries("") == ["new", "state"])
  }
}
