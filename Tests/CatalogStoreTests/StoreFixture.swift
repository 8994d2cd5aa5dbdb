// SPDX-License-Identifier: Apache-2.0

import CatalogProbe
import Foundation
import GRDB
import Items
import TestSupport

@testable import CatalogStore

/// A store in a directory of its own, and items that a line can hold.
struct StoreFixture {
  let directory: TemporaryDirectory
  var path: String { directory.file("items.sqlite") }

  init() throws { directory = try TemporaryDirectory() }

  func open(following index: String? = nil) throws -> ItemStore {
    try ItemStore(path: path, tower: "tower", embeddingDim: 2, followedIndex: index)
  }

  /// An item whose image is one of 256.
  static func item(_ id: String, _ title: String = "", image: UInt8 = 1) -> CatalogEntry<EmbeddedImage> {
    CatalogEntry(
      id: id, texts: ItemTexts(title: title),
      image: EmbeddedImage(
        digest: ImageDigest(bytes: [UInt8](repeating: image, count: 32)), embedding: [Float(image), 1]))
  }

  /// Writes a file as releases before snapshots did, with `titles` by item.
  func writeLayout1(_ titles: KeyValuePairs<String, String>) throws {
    let image = Data(repeating: 1, count: 32)
    try EarlierCatalog.write(
      titles.map {
        .init(id: $0.key, title: $0.value, description: "d", image: image, cf: ItemStore.data([3, 4]))
      }, embeddings: [(image, ItemStore.data([1, 1]))], embeddingDim: 2, to: path)
  }

  static func code(_ body: () throws -> Void) -> StoreError.Code? {
    do {
      try body()
      return nil
    } catch { return (error as? StoreError)?.code }
  }

  static func code(_ body: () async throws -> Void) async -> StoreError.Code? {
    do {
      try await body()
      return nil
    } catch { return (error as? StoreError)?.code }
  }
}

extension ItemStore {
  /// "id title" of each item of a state, in order.
  func contents(_ choice: SnapshotChoice = .released) async throws -> [String] {
    try await view(of: choice).items(after: nil, limit: 1000).map { "\($0.id) \($0.texts.title)" }
  }

  /// Rows of all states together.
  func rowCount() throws -> Int {
    try pool.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM snapshot_item") ?? 0 }
  }

  func changes(from: SnapshotChoice, to: SnapshotChoice, page: Int = 2) async throws -> [ItemChange] {
    let difference = try await difference(from: from, to: to)
    var changes: [ItemChange] = []
    var last: String?
    repeat {
      let next = try await difference.changes(after: last, limit: page)
      changes += next.changes
      last = next.end
    } while last != nil
    return changes
  }
}
