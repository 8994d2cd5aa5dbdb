// SPDX-License-Identifier: Apache-2.0

import Basics

/// Where things lie under the data directory.
///
///     lock                                    held by the one process that serves from it
///     outcome-key                             signs the tokens of answers; RetrievalService's
///     reserve                                 room for deletions and rollbacks on a full disk (SpaceReserve)
///     staging/                                uploads under way, versions being deleted; emptied at start
///     backend/                                which collections of a backend are under way (CollectionJournal)
///     quarantine/                             what was found broken, for a person to look at
///     indexes/INDEX/serving.json              which versions serve, and the rollout under way
///     indexes/INDEX/audit.jsonl               who changed that, when and why
///     indexes/INDEX/rollouts/NUMBER.json      what was measured of a rollout
///     indexes/INDEX/versions/NUMBER/          a published version, never changed
struct DataDirectory: Sendable {
  let root: String

  var lock: String { "\(root)/lock" }
  var reserve: String { "\(root)/reserve" }
  var staging: String { "\(root)/staging" }
  var quarantine: String { "\(root)/quarantine" }
  var backend: String { "\(root)/backend" }
  var indexes: String { "\(root)/indexes" }

  func index(_ name: String) -> String { "\(indexes)/\(name)" }
  func versions(of index: String) -> String { "\(self.index(index))/versions" }
  func version(_ name: VersionName) -> String { "\(versions(of: name.index))/\(name.number)" }
  func reports(of index: String) -> String { "\(self.index(index))/rollouts" }
  func servingState(of index: String) -> String { "\(self.index(index))/\(ServingState.fileName)" }

  /// Creates what is missing, parents of the root included.
  func create(on disk: Disk) throws(VectorIndexError) {
    var path = root.hasPrefix("/") ? "" : "."
    for part in root.split(separator: "/") {
      path += "/\(part)"
      if !disk.isDirectory(path) { try disk.createDirectory(path, at: .createIndexDirectory) }
    }
    for path in [staging, quarantine, indexes] { try disk.createDirectory(path, at: .createIndexDirectory) }
    try disk.syncDirectory(root, at: .createIndexDirectory)
  }

  /// Creates an index's directories and makes them durable.
  func createIndex(_ name: String, on disk: Disk) throws(VectorIndexError) {
    guard !disk.isDirectory(versions(of: name)) else { return }
    try disk.createDirectory(index(name), at: .createIndexDirectory)
    try disk.syncDirectory(indexes, at: .createIndexDirectory)
    try disk.createDirectory(versions(of: name), at: .createIndexDirectory)
    try disk.syncDirectory(index(name), at: .createIndexDirectory)
  }
}

/// Names of what others than the store keep under the data directory.
package enum DataDirectoryFiles {
  package static let outcomeKey = "outcome-key"
}

/// A lock on the data directory, which the kernel takes back when the process ends, however it ends.
struct DirectoryLock: ~Copyable, Sendable {
  private let lock: FileLock

  init(path: String) throws(VectorIndexError) {
    lock = try FileLock(
      path, mode: 0o600,
      held: VectorIndexError(
        .directoryInUse, "\(path) is held by another process; stop it or choose another --data directory"),
      failed: { VectorIndexError($0) })
  }
}
