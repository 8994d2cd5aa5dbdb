// SPDX-License-Identifier: Apache-2.0

import Basics
package import CatalogStore
import Items

/// Everything that changes an item store, to be broken at each disk operation it makes.
package enum CatalogChange: String, CaseIterable, Sendable {
  case creation
  case migration
  case writing
  case removal
  case synchronisation
  case firstCommit
  case commit
  case discard
  case drop
  case dropOfAll
  case release

  // MARK: Before

  /// What must have happened before the change.
  package func prepare(_ path: String) throws {
    switch self {
    case .creation: return
    case .migration: return try Self.writeLayout1(path)
    case .firstCommit: return try Self.fill(path, snapshots: 0)
    default: return try Self.fill(path, snapshots: 3)
    }
  }

  private static func fill(_ path: String, snapshots: Int) throws {
    let store = try open(path)
    for number in 0..<snapshots {
      try store.put(items(of: number))
      _ = try store.commit()
    }
    try store.put(items(of: snapshots))
    _ = try store.delete(["item-1"])
    try store.close()
  }

  /// 40 items, some pages of the file; a third of them differs from those of the number before.
  private static func items(of number: Int) -> [CatalogEntry<EmbeddedImage>] {
    (0..<40).map { index in
      let version = index % 3 == number % 3 ? number : 0
      let byte = UInt8(truncatingIfNeeded: index + 40 * version)
      return CatalogEntry(
        id: "item-\(index)",
        texts: ItemTexts(title: "version \(version)", description: String(repeating: "x", count: 700)),
        image: EmbeddedImage(
          digest: ImageDigest(bytes: [UInt8](repeating: byte, count: 32)),
          embedding: [Float](repeating: Float(byte), count: 64)))
    }
  }

  private static func writeLayout1(_ path: String) throws {
    let items = (0..<40).map {
      EarlierCatalog.Item(id: "item-\($0)", title: "title", description: String(repeating: "x", count: 700))
    }
    try EarlierCatalog.write(items, embeddingDim: 64, to: path)
  }

  // MARK: The change

  package static func open(_ path: String) throws -> ItemStore {
    try ItemStore(path: path, tower: "tower", embeddingDim: 64, followedIndex: "default")
  }

  /// Makes the change unless it was made.
  ///
  /// - Parameter begin: called where the change begins.
  package func perform(at path: String, begin: () -> Void = {}) throws {
    switch self {
    case .creation, .migration:
      begin()
      _ = try Self.open(path)
    default:
      let store = try Self.open(path)
      begin()
      try perform(on: store)
    }
  }

  private func perform(on store: ItemStore) throws {
    switch self {
    case .creation, .migration: break
    case .writing: try store.put(Self.items(of: 7))
    case .removal: _ = try store.delete((0..<20).map { "item-\($0)" })
    case .synchronisation: _ = try store.retain(Set((0..<5).map { Identifier("item-\($0)") }))
    case .firstCommit, .commit: _ = try store.commit(label: "committed")
    case .discard: _ = try store.discardDraft()
    case .drop:
      do { try store.drop(2) } catch {
        guard error.code == .snapshotNotFound else { throw error }
      }
    case .dropOfAll: _ = try store.dropAll(but: [])
    case .release: try store.note(CatalogRelease(index: "default", version: "default/versions/2", snapshot: 2))
    }
  }
}
