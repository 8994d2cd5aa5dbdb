// SPDX-License-Identifier: Apache-2.0

import Basics
import CatalogStore
import Foundation
import Glibc
import VectorIndex

/// Copies an item store, a retrieval service's data directory, or both, into a new folder, while services use them.
///
/// The folder appears under its name once it is whole and on the disk. Until then it is called `NAME.partial`, which is removed when copying
/// fails or is interrupted; a kill leaves it. Only the owner may read any of it: it holds the key of outcome tokens.
///
/// The data directory is copied first. A version that is published meanwhile is not in the copy, while the snapshot it is built from is; the
/// other way round a version would lack its snapshot.
package struct Backup {
  package let store: String?
  package let data: String?
  package let out: String
  private let softwareVersion: String
  private let progress: (UInt64) throws -> Void

  /// - Parameters:
  ///   - store: the encoder's item store, if any.
  ///   - data: the retrieval service's data directory, if any.
  ///   - out: the folder to make.
  ///   - progress: told how many bytes were copied since it was told last; what it throws ends the backup.
  package init(
    store: String?, data: String?, out: String, softwareVersion: String,
    progress: @escaping (UInt64) throws -> Void = { _ in }
  ) {
    (self.store, self.data, self.softwareVersion, self.progress) = (store, data, softwareVersion, progress)
    self.out = out.count > 1 && out.hasSuffix("/") ? String(out.dropLast()) : out
  }

  /// About how many bytes there are to copy.
  package func expectedBytes() throws -> UInt64 {
    var bytes: UInt64 = 0
    if let store { bytes += Self.size(of: store) }
    if let data {
      let contents = try DataDirectoryContents(path: data)
      for name in try contents.indexNames() {
        bytes += try contents.index(name)?.versions.flatMap(\.files).reduce(0) { $0 + $1.bytes } ?? 0
      }
    }
    return bytes
  }

  package func run() throws -> BackupManifest {
    do {
      return try makeFolder()
    } catch let error as SystemCallError {
      throw BackupError(error)
    }
  }

  private func makeFolder() throws -> BackupManifest {
    guard access(out, F_OK) != 0 else {
      throw BackupError(.exists, "\(out) exists, and nothing is written over; name another folder")
    }
    let partial = "\(out).partial"
    let folder = try newFolder(partial)
    do {
      let manifest = try fill(folder)
      try folder.sync()
      try publish(partial)
      return manifest
    } catch {
      FolderTree.remove(partial)
      throw error
    }
  }

  private func newFolder(_ path: String) throws -> FolderTree {
    do throws(SystemCallError) {
      return try FolderTree(creating: path)
    } catch {
      guard error.errno == EEXIST else { throw BackupError(error) }
      throw BackupError(
        .exists, "\(path) exists: another backup to \(out) is under way, or one was killed; remove it when none is",
        cause: error)
    }
  }

  private func publish(_ partial: String) throws(SystemCallError) {
    guard rename(partial, out) == 0 else { throw SystemCallError("rename", "\(partial) to \(out)", errno: errno) }
    try DirectoryEntries.sync(DirectoryEntries.parent(of: out))
  }

  private func fill(_ folder: FolderTree) throws -> BackupManifest {
    let time = Int64(Date().timeIntervalSince1970 * 1e6)
    let copy = FileCopy(progress: progress)
    var files: [BackupManifest.File] = []
    var indexes: [BackupManifest.Index]?
    if let data {
      let copied = try DataDirectoryBackup(of: data, into: folder, copy).run()
      (files, indexes) = (copied.files, copied.indexes)
    }
    var catalog: BackupManifest.Catalog?
    if let store {
      let copied = try copyStore(store, to: try folder.place(BackupLayout.store))
      files.append(copied.file)
      catalog = copied.catalog
    }
    let manifest = BackupManifest(
      format: BackupManifest.currentFormat, softwareVersion: softwareVersion, timeMicros: time,
      files: files.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }, catalog: catalog, indexes: indexes)
    try FileCopy.make(try folder.place(BackupManifest.fileName), of: SealedDocument.encode(manifest))
    return manifest
  }

  private func copyStore(
    _ store: String, to target: String
  ) throws -> (file: BackupManifest.File, catalog: BackupManifest.Catalog) {
    // Made here, so that only the owner can ever read it.
    try FileCopy.make(target, of: [])
    let pages = PageProgress(fileBytes: Self.size(of: store), progress)
    let contents = try ItemStoreFile.copy(store, to: target) { done, total in try pages.tell(done, of: total) }
    try FileCopy.sync(target)
    let summary = try FileCopy { _ in try progress(0) }.digest(target)
    return (
      BackupManifest.File(path: BackupLayout.store, bytes: summary.bytes, sha256: summary.sha256),
      BackupManifest.Catalog(catalogID: contents.catalogID, snapshots: contents.snapshots)
    )
  }

  private static func size(of path: String) -> UInt64 {
    var status = stat()
    return stat(path, &status) == 0 ? UInt64(status.st_size) : 0
  }
}

/// Tells of pages as bytes, by the file's size: good enough to watch. Used by one thread.
private final class PageProgress {
  private let fileBytes: UInt64
  private let progress: (UInt64) throws -> Void
  private var last = 0

  init(fileBytes: UInt64, _ progress: @escaping (UInt64) throws -> Void) {
    (self.fileBytes, self.progress) = (fileBytes, progress)
  }

  func tell(_ done: Int, of total: Int) throws {
    guard total > 0 else { return }
    try progress(UInt64(max(0, done - last)) * fileBytes / UInt64(total))
    last = done
  }
}
