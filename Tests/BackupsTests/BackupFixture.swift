// SPDX-License-Identifier: Apache-2.0

import Backups
import CatalogStore
import CrashProbe
import Foundation
import Items
import Synchronization
import TestSupport
import VectorIndex

/// An item store and a data directory in use, and room for backups of them.
struct BackupFixture {
  let directory: TemporaryDirectory
  var storePath: String { directory.file("state/items.sqlite") }
  var dataPath: String { directory.file("state/index") }

  init() throws {
    directory = try TemporaryDirectory(inMemory: true)
    _ = try directory.makeDirectory("state")
    _ = try directory.makeDirectory("new")
  }

  func openStore(_ path: String? = nil) throws -> ItemStore {
    try ItemStore(path: path ?? storePath, tower: "tower", embeddingDim: 2)
  }

  func openIndex(_ path: String? = nil) throws -> VersionStore { try VersionStore(path: path ?? dataPath) }

  /// Two snapshots, and two versions of which the second answers; a key as the retrieval service makes it.
  func fill(_ store: ItemStore, _ index: VersionStore) throws {
    for title in ["first", "second"] {
      try store.put([Self.item("a", title)])
      _ = try store.commit()
    }
    try index.publish(Catalog(count: 20, dim: 3, seed: 1))
    _ = try index.promote(index.publish(Catalog(count: 30, dim: 3, seed: 2)).info.name)
    try Data(repeating: 7, count: 32).write(to: URL(filePath: "\(dataPath)/outcome-key"))
  }

  static func item(_ id: String, _ title: String) -> CatalogEntry<EmbeddedImage> {
    CatalogEntry(
      id: id, texts: ItemTexts(title: title),
      image: EmbeddedImage(digest: ImageDigest(bytes: [UInt8](repeating: 1, count: 32)), embedding: [1, 2]))
  }

  func backup(
    _ name: String = "backup", progress: @escaping (UInt64) throws -> Void = { _ in }
  ) throws -> BackupManifest {
    try Backup(
      store: storePath, data: dataPath, out: directory.file(name), softwareVersion: "test", progress: progress
    ).run()
  }

  /// Into `new/items.sqlite` and `new/index`.
  func restore(_ name: String = "backup", progress: @escaping (UInt64) throws -> Void = { _ in }) throws {
    try Restore(
      directory.file(name), store: directory.file("new/items.sqlite"), data: directory.file("new/index"),
      progress: progress
    ).run()
  }

  /// Paths of the files of a folder in this directory.
  func files(_ name: String) -> [String] {
    let paths = (try? FileManager.default.subpathsOfDirectory(atPath: directory.file(name))) ?? []
    return paths.filter { !isDirectory("\(name)/\($0)") }.sorted()
  }

  func isDirectory(_ name: String) -> Bool {
    var isDirectory: ObjCBool = false
    return FileManager.default.fileExists(atPath: directory.file(name), isDirectory: &isDirectory)
      && isDirectory.boolValue
  }

  /// The permissions of something in this directory.
  func mode(_ name: String) throws -> Int {
    let attributes = try FileManager.default.attributesOfItem(atPath: directory.file(name))
    return (attributes[.posixPermissions] as? Int) ?? 0
  }

  /// Changes one bit in the middle of a file.
  func damage(_ name: String) throws {
    var bytes = [UInt8](try directory.read(name))
    bytes[bytes.count / 2] ^= 1
    try Data(bytes).write(to: URL(filePath: directory.file(name)))
  }

  static func code(_ body: () throws -> Void) -> BackupError.Code? {
    do {
      try body()
      return nil
    } catch { return (error as? BackupError)?.code }
  }
}

/// Fails at the call of a number.
final class FailingProgress: Sendable {
  struct Failure: Error {}

  private let callsLeft: Atomic<Int>

  init(at call: Int) { callsLeft = Atomic(call) }

  func tick() throws {
    if callsLeft.subtract(1, ordering: .relaxed).oldValue == 0 { throw Failure() }
  }
}
