// SPDX-License-Identifier: Apache-2.0

import Digest

/// Which collections of a backend this data directory has begun to make or to delete.
///
///     backend/id              tells this directory's collections from others'
///     backend/pending/NAME    collection NAME is to go, unless a version refers to it
///
/// An entry is durable before its collection is made, and before its version is deleted. So whatever a crash leaves in the
/// backend has an entry, and what has none is not touched.
struct CollectionJournal: Sendable {
  /// Every name of a collection begins with it.
  static let namePrefix = "illmrec_"

  /// Sixteen hexadecimal digits, made at random with the directory.
  let id: String
  private let directory: String
  private let disk: Disk

  private var pending: String { "\(directory)/pending" }

  /// Opens the journal of a data directory, making it when there is none.
  init(in root: DataDirectory, on disk: Disk) throws(VectorIndexError) {
    directory = root.backend
    self.disk = disk
    id = try Self.identify(root, disk)
    if !disk.isDirectory("\(root.backend)/pending") {
      try disk.createDirectory("\(root.backend)/pending", at: .createIndexDirectory)
      try disk.syncDirectory(root.backend, at: .createIndexDirectory)
    }
  }

  /// What the names of all collections of this directory begin with.
  var prefix: String { "\(Self.namePrefix)\(id)_" }

  /// The name of a version's collection: letters, digits and underscores.
  func collection(of name: VersionName, fingerprint: String) -> String {
    // Index names hold '-' and '.', collection names do not. The fingerprint tells apart what the underscores make equal.
    let index = name.index.replacing("-", with: "_").replacing(".", with: "_")
    var digest = SHA256()
    digest.update("\(name) \(fingerprint)")
    return "\(prefix)\(index)_v\(name.number)_\(digest.finishHex().prefix(16))"
  }

  /// Collections that are to go unless a version refers to them.
  func entries() throws(VectorIndexError) -> [String] {
    try disk.entries(of: pending).filter { $0.hasPrefix(Self.namePrefix) }
  }

  /// Notes durably that a collection is to go unless a version refers to it.
  func add(_ collection: String) throws(VectorIndexError) {
    let path = "\(pending)/\(collection)"
    if !disk.exists(path) {
      let file = try WritableFile(creating: path, on: disk, at: .noteCollection)
      _ = try file.finish(writing: .noteCollection, syncing: .noteCollection)
    }
    try disk.syncDirectory(pending, at: .noteCollection)
  }

  /// The collection is a version's now, or gone. An entry that cannot be removed is looked at again at the next start.
  func remove(_ collection: String) {
    try? disk.removeTree("\(pending)/\(collection)", at: .noteCollection)
  }

  private static func identify(_ root: DataDirectory, _ disk: Disk) throws(VectorIndexError) -> String {
    let path = "\(root.backend)/id"
    if disk.exists(path) {
      let text = String(decoding: try ReadableFile(opening: path).readAll(atMost: 64), as: UTF8.self)
      guard text.utf8.count == 16, text.allSatisfy(\.isHexDigit) else {
        throw VectorIndexError(
          .corrupt,
          "\(path) should hold 16 hexadecimal digits; restore it, or the names of this directory's collections "
            + "are not known (they begin with \(namePrefix))")
      }
      return text
    }
    let digits = String(UInt64.random(in: .min ... .max), radix: 16)
    let id = String(repeating: "0", count: 16 - digits.count) + digits
    try disk.createDirectory(root.backend, at: .createIndexDirectory)
    try disk.syncDirectory(root.root, at: .createIndexDirectory)
    try disk.replace(
      path, with: Array(id.utf8),
      steps: (.createIndexDirectory, .createIndexDirectory, .createIndexDirectory, .createIndexDirectory))
    return id
  }
}
