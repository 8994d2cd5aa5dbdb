// SPDX-License-Identifier: Apache-2.0

import Basics
import Glibc
import VectorIndex

/// Copies a data directory while its service changes it: of each index one state that there was.
struct DataDirectoryBackup {
  /// An index is looked at so often until it has not changed while it was copied. Versions are copied once: from the second time on it is quick.
  private static let maxRounds = 50

  private let source: String
  private let contents: DataDirectoryContents
  private let folder: FolderTree
  private let copy: FileCopy

  init(of source: String, into folder: FolderTree, _ copy: FileCopy) throws {
    self.source = source
    self.folder = folder
    self.copy = copy
    contents = try DataDirectoryContents(path: source)
  }

  func run() throws -> (files: [BackupManifest.File], indexes: [BackupManifest.Index]) {
    var files: [BackupManifest.File] = []
    // An index without versions is a directory nonetheless, and so is a data directory without indexes.
    _ = try folder.place("\(BackupLayout.data)/indexes/.")
    for path in contents.ownFiles { files.append(try copyFile(path)) }
    var indexes: [BackupManifest.Index] = []
    for name in try contents.indexNames() {
      guard let copied = try copyIndex(name) else { continue }
      files += copied.files
      indexes.append(copied.index)
    }
    return (files, indexes)
  }

  private func copyIndex(_ name: String) throws -> (files: [BackupManifest.File], index: BackupManifest.Index)? {
    var versions: [UInt64: [BackupManifest.File]] = [:]
    for round in 1...Self.maxRounds {
      guard let index = try contents.index(name) else { return nil }
      let listed = Set(index.versions.map(\.info.name.number))
      for number in versions.keys where !listed.contains(number) {
        FolderTree.remove(
          "\(folder.root)/\(BackupLayout.data)/\(Self.path(of: VersionName(index: name, number: number)))")
        versions[number] = nil
      }
      var isWhole = true
      for version in index.versions where versions[version.info.name.number] == nil {
        if let files = try copyVersion(version) {
          versions[version.info.name.number] = files
        } else {
          isWhole = false
        }
      }
      // The log before the second look: it tells no change that the state does not know.
      let others = try index.otherFiles.map { try copyFile("indexes/\(name)/\($0)") }
      if isWhole, try contents.servingText(of: name)?.bytes == index.servingBytes {
        let serving = try write(index.servingBytes, to: "indexes/\(name)/\(index.servingFile)")
        return (versions.values.flatMap(\.self) + others + [serving], BackupManifest.Index(index))
      }
      // Whoever changes what serves is mostly done soon.
      if round > 1 { usleep(100_000) }
    }
    throw BackupError(
      .changing,
      "what serves of index '\(name)' changed \(Self.maxRounds) times while it was copied; try again in a quieter moment"
    )
  }

  /// Nil when the version was deleted meanwhile.
  private func copyVersion(_ version: VersionContents) throws -> [BackupManifest.File]? {
    let path = Self.path(of: version.info.name)
    do {
      var files = [try copyFile("\(path)/\(VersionContents.manifestName)")]
      for file in version.files {
        let copied = try copyFile("\(path)/\(file.name)")
        guard copied.bytes == file.bytes, copied.sha256 == file.sha256 else {
          throw BackupError(
            .invalid,
            "\(source)/\(path)/\(file.name) is not what was published: its SHA-256 is not the manifest's. Restore it from an earlier backup, "
              + "or delete the version (illmrec index delete) and publish it again")
        }
        files.append(copied)
      }
      return files
    } catch  where !contents.has(version.info.name) {
      FolderTree.remove("\(folder.root)/\(BackupLayout.data)/\(path)")
      return nil
    }
  }

  private func copyFile(_ path: String) throws -> BackupManifest.File {
    let relative = "\(BackupLayout.data)/\(path)"
    let target = try folder.place(relative)
    // An earlier round may have copied it.
    unlink(target)
    let summary = try copy.copy("\(source)/\(path)", to: target)
    return BackupManifest.File(path: relative, bytes: summary.bytes, sha256: summary.sha256)
  }

  private func write(_ bytes: [UInt8], to path: String) throws -> BackupManifest.File {
    let relative = "\(BackupLayout.data)/\(path)"
    let target = try folder.place(relative)
    try FileCopy.make(target, of: bytes)
    let summary = try copy.digest(target)
    return BackupManifest.File(path: relative, bytes: summary.bytes, sha256: summary.sha256)
  }

  private static func path(of version: VersionName) -> String { "indexes/\(version.index)/versions/\(version.number)" }
}

extension BackupManifest.Index {
  fileprivate init(_ contents: IndexContents) {
    self.init(
      name: contents.name, stable: contents.stable, previous: contents.previous, candidate: contents.candidate,
      versions: contents.versions.sorted { $0.info.name.number < $1.info.name.number }.map { version in
        BackupManifest.Version(
          number: version.info.name.number, itemCount: version.info.itemCount,
          spaceFingerprint: version.info.builtBy.spaceFingerprint, catalogID: version.info.catalog?.id,
          snapshot: version.info.catalog?.snapshot, collection: version.collection)
      })
  }
}
