// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import Items
import TestSupport
import Testing

@testable import CatalogStore

@Suite("The item store keeps items on disk") struct ItemStoreTests {
  private let directory: TemporaryDirectory
  private var path: String { directory.file("items.sqlite") }

  init() throws {
    directory = try TemporaryDirectory()
  }

  private func open(tower: String = "tower", dim: Int = 2) throws -> ItemStore {
    try ItemStore(path: path, tower: tower, embeddingDim: dim)
  }

  private func image(_ byte: UInt8, _ embedding: [Float]) -> EmbeddedImage {
    EmbeddedImage(digest: ImageDigest(bytes: [UInt8](repeating: byte, count: 32)), embedding: embedding)
  }

  private func code(_ body: () throws -> Void) -> StoreError.Code? {
    do {
      try body()
      return nil
    } catch { return (error as? StoreError)?.code }
  }

  @Test func `Its files are its owner's alone to read, also while it is open`() throws {
    let store = try open()
    try store.put([CatalogEntry<EmbeddedImage>(id: "a", texts: ItemTexts(title: "t"), image: image(1, [1, 2]))])
    let files = directory.entries("")
    #expect(files.contains("items.sqlite") && files.contains("items.sqlite-wal"))
    for file in files {
      let mode = try FileManager.default.attributesOfItem(atPath: directory.file(file))[.posixPermissions] as? Int
      #expect(mode == 0o600, "\(file)")
    }
    try store.close()
  }

  @Test func `The store keeps what was put`() async throws {
    let item = CatalogEntry<EmbeddedImage>(
      id: "a", texts: ItemTexts(title: "t", brand: "b", category: "c", description: "d"),
      image: image(1, [0.1, -0.2]), cf: [3], text: [])
    try open().put([item])
    let read = try await open().items(named: ["a", "b"], in: .draft, readsVectors: true).items
    #expect(
      read == [
        CatalogEntry<StoredImage>(
          id: "a", texts: item.texts, image: .embedding([0.1, -0.2]), cf: [3], text: []), nil,
      ])
    #expect(try await open().items(named: ["a"], in: .draft, readsVectors: false).items[0]?.image == .notRead)
  }

  @Test func `An embedding once kept stays`() async throws {
    let store = try open()
    try store.keep([image(1, [1, 2])])
    try store.keep([image(1, [3, 4]), image(2, [5, 6])])
    let images = [image(1, []), image(2, []), image(3, [])].map(\.digest)
    #expect(try await store.embeddings(of: images) == [images[0]: [1, 2], images[1]: [5, 6]])
  }

  @Test func `Towers do not mix`() async throws {
    try open().put([CatalogEntry(id: "a", image: image(1, [1, 2]))])
    let other = try open(tower: "other", dim: 3)
    #expect(try await other.items(named: ["a"], in: .draft, readsVectors: true).items[0]?.image == .otherTower)
    #expect(try await other.view(of: .draft).counts() == .init(items: 1, otherTower: 1))
    #expect(try await other.embeddings(of: [image(1, []).digest]).isEmpty)
    #expect(code { _ = try open(tower: "tower", dim: 3) } == .corrupt)
  }

  @Test func `Other files are refused`() throws {
    try Data("this is a text file and nothing else, whatever its name".utf8).write(to: URL(filePath: path))
    #expect(code { _ = try open() } == .corrupt)
    #expect(
      code { _ = try ItemStore(path: directory.file("no/such/directory"), tower: "t", embeddingDim: 1) } == .unavailable
    )
  }

  @Test func `Databases of others are refused`() throws {
    try DatabaseQueue(path: path).write { try $0.execute(sql: "CREATE TABLE theirs (a)") }
    #expect(code { _ = try open() } == .corrupt)
  }

  @Test func `Later versions are refused`() throws {
    try open().pool.write { try $0.execute(sql: "PRAGMA user_version = 99") }
    #expect(code { _ = try open() } == .tooNew)
  }

  @Test func `Damaged vectors are noticed`() async throws {
    let store = try open()
    try store.keep([image(1, [1, 2])])
    try await store.pool.write { try $0.execute(sql: "UPDATE embedding SET vector = x'0102030405'") }
    await #expect { try await store.embeddings(of: [image(1, []).digest]) } throws: {
      ($0 as? StoreError)?.code == .corrupt
    }
  }

  @Test func `A full disk keeps all or nothing`() async throws {
    let store = try open()
    try await store.pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA max_page_count = 20") }
    let items = (0..<200).map {
      CatalogEntry<EmbeddedImage>(id: "\($0)", texts: .init(title: String(repeating: "x", count: 4000)))
    }
    #expect(code { try store.put(items) } == .full)
    #expect(try await store.overview().draftItemCount == 0)
    try await store.pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA max_page_count = 100000") }
    try store.put(items)
    #expect(try await store.overview().draftItemCount == 200)
  }

  @Test(arguments: [
    (ResultCode.SQLITE_READONLY, StoreError.Code.readOnly), (.SQLITE_FULL, .full), (.SQLITE_CORRUPT, .corrupt),
    (.SQLITE_NOTADB, .corrupt), (.SQLITE_BUSY, .locked), (.SQLITE_CANTOPEN, .unavailable), (.SQLITE_IOERR, .failed),
  ])
  func `Errors say what to do`(result: ResultCode, code: StoreError.Code) {
    let error = StoreError(DatabaseError(resultCode: result), path: "/data/items.sqlite")
    #expect(error.code == code)
    #expect(error.message.contains("/data/items.sqlite"))
    // SQLite's words stay in the log.
    #expect(!error.message.contains("SQLite error"))
  }
}
