// SPDX-License-Identifier: Apache-2.0

import Basics
import Glibc

/// Puts what a backup holds where services find it. Everything that was asked for is in its place afterwards, or nothing.
///
/// All digests are checked before anything is written, and once more of what was written. It is written beside its place, made durable and
/// renamed; nothing that exists is written over.
package struct Restore {
  package let folder: String
  package let manifest: BackupManifest
  private let store: String?
  private let data: String?
  private let progress: (UInt64) throws -> Void

  /// Reads what the folder holds, and refuses what it does not.
  ///
  /// - Parameters:
  ///   - store: the file to make of the item store; nil to leave it.
  ///   - data: the directory to make of the data directory; nil to leave it.
  package init(
    _ folder: String, store: String?, data: String?, progress: @escaping (UInt64) throws -> Void = { _ in }
  ) throws {
    self.folder = folder
    self.progress = progress
    self.store = store
    self.data = data.map { $0.count > 1 && $0.hasSuffix("/") ? String($0.dropLast()) : $0 }
    manifest = try BackupManifest.read(in: folder)
    if store != nil, manifest.catalog == nil {
      throw BackupError(.invalid, "\(folder) holds no item store; leave out --store")
    }
    if data != nil, manifest.indexes == nil {
      throw BackupError(.invalid, "\(folder) holds no data directory; leave out --data")
    }
  }

  /// How many bytes will be read, for the checks and for the copies.
  package var expectedBytes: UInt64 { 2 * wanted.reduce(0) { $0 + $1.bytes } }

  package func run() throws {
    do {
      try requireRoom()
      try check()
      try put()
    } catch let error as SystemCallError {
      throw BackupError(error)
    }
  }

  private var wanted: [BackupManifest.File] {
    manifest.files.filter { $0.path == BackupLayout.store ? store != nil : data != nil }
  }

  // MARK: Before anything is written

  private func requireRoom() throws {
    // A log of SQLite's beside a new file would be taken for its own.
    let stores = store.map { store in ["", "-wal", "-shm", "-journal"].map { store + $0 } } ?? []
    for path in stores where Self.exists(path) {
      throw BackupError(
        .exists,
        "\(path) exists, and nothing is written over; stop the encoder and move it away, or name another --store")
    }
    // An empty directory, as a volume or a package makes it, is room.
    if let data, Self.exists(data), !Self.isEmptyDirectory(data) {
      throw BackupError(
        .exists,
        "\(data) holds something, and nothing is written over; stop the retrieval service and move it away, or name another --data"
      )
    }
  }

  private func check() throws {
    let reading = FileCopy(progress: progress)
    for file in wanted {
      let found: FileCopy.Summary
      do {
        found = try reading.digest("\(folder)/\(file.path)")
      } catch let error as SystemCallError {
        throw BackupError(.invalid, "the backup is not whole: \(error); nothing was restored", cause: error)
      }
      try require(found, file)
    }
  }

  private func require(_ found: FileCopy.Summary, _ file: BackupManifest.File) throws {
    guard found.bytes == file.bytes, found.sha256 == file.sha256 else {
      throw BackupError(
        .invalid,
        "\(folder)/\(file.path) was changed since the backup: its SHA-256 is not that of backup.json; nothing was restored, use "
          + "another backup")
    }
  }

  // MARK: Putting it in its place

  private func put() throws {
    let parts = [store.map { $0 + ".restoring" }, data.map { $0 + ".restoring" }]
    for path in parts.compactMap(\.self) where Self.exists(path) {
      throw BackupError(
        .exists, "\(path) exists: another restore is under way, or one was killed; remove it when none is")
    }
    do {
      if let data { try write(data: data) }
      if let store { try write(store: store) }
      try rename()
    } catch {
      if let data { FolderTree.remove(data + ".restoring") }
      if let store { unlink(store + ".restoring") }
      throw error
    }
  }

  private func write(data: String) throws {
    let owner = try FileOwner(beside: data)
    let tree = try FolderTree(creating: data + ".restoring", mode: 0o750)
    let prefix = BackupLayout.data + "/"
    _ = try tree.place("indexes/.")
    for file in wanted where file.path.hasPrefix(prefix) {
      // As the service makes them: its key is nobody else's.
      let isKey = file.path == prefix + "outcome-key"
      try copy(file, to: try tree.place(String(file.path.dropFirst(prefix.count))), mode: isKey ? 0o600 : 0o640)
    }
    try tree.give(to: owner)
    try tree.sync()
  }

  private func write(store: String) throws {
    guard let file = manifest.files.first(where: { $0.path == BackupLayout.store }) else {
      throw BackupError(.invalid, "backup.json of \(folder) names no \(BackupLayout.store); nothing was restored")
    }
    try copy(file, to: store + ".restoring", mode: 0o600)
    try FileOwner(beside: store).take(store + ".restoring")
  }

  private func copy(_ file: BackupManifest.File, to target: String, mode: UInt32) throws {
    try require(try FileCopy(progress: progress).copy("\(folder)/\(file.path)", to: target, mode: mode), file)
  }

  /// The directory first, which is taken back when the file cannot follow.
  private func rename() throws {
    if let data { try Self.move(data + ".restoring", to: data) }
    do {
      if let store {
        // Unlike a rename, a link does not replace what has come there meanwhile.
        guard link(store + ".restoring", store) == 0 else { throw SystemCallError("link", store, errno: errno) }
        unlink(store + ".restoring")
      }
    } catch {
      if let data { _ = Glibc.rename(data, data + ".restoring") }
      throw error
    }
    for path in [store, data].compactMap(\.self) { try DirectoryEntries.sync(DirectoryEntries.parent(of: path)) }
  }

  /// A directory that came there meanwhile is not replaced, unless it is empty.
  private static func move(_ source: String, to target: String) throws(SystemCallError) {
    guard Glibc.rename(source, target) == 0 else {
      throw SystemCallError("rename", "\(source) to \(target)", errno: errno)
    }
  }

  private static func exists(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0
  }

  private static func isEmptyDirectory(_ path: String) -> Bool {
    guard let directory = opendir(path) else { return false }
    defer { closedir(directory) }
    var count = 0
    while readdir(directory) != nil { count += 1 }
    return count == 2
  }
}
