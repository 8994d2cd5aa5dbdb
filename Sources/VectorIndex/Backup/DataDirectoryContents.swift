// SPDX-License-Identifier: Apache-2.0

import Rollouts

/// What of a data directory is worth a backup, read without the directory's lock while a service may be changing it.
///
/// Left out are uploads under way, what was moved to quarantine, and notes of collections that are to go: after a restore, somebody else's
/// collections may have their names.
package struct DataDirectoryContents: Sendable {
  private let directory: DataDirectory
  private let disk = Disk(faults: NoFaults())

  /// - Parameter path: of the data directory.
  package init(path: String) throws(VectorIndexError) {
    directory = DataDirectory(root: path)
    guard disk.isDirectory(directory.indexes) else {
      throw VectorIndexError(
        .storageFailed,
        "\(path) is no data directory of a retrieval service: it holds no directory indexes; name the one of --data")
    }
  }

  /// Files of the directory itself, by their path in it: the key of outcome tokens, and by which name collections are known.
  package var ownFiles: [String] {
    [DataDirectoryFiles.outcomeKey, "backend/id"].filter { disk.exists("\(directory.root)/\($0)") }
  }

  /// Names of the indexes, in byte order.
  package func indexNames() throws(VectorIndexError) -> [String] {
    try disk.entries(of: directory.indexes).filter {
      (try? VersionName.checkIndex($0)) != nil && disk.isDirectory(directory.index($0))
    }
  }

  /// An index at this moment; nil when it never had a version.
  ///
  /// Its files are those of one state only if ``servingText(of:)`` is still the same after all were copied: each change of what serves
  /// replaces that text by another, and versions in use are not deleted without one.
  package func index(_ name: String) throws(VectorIndexError) -> IndexContents? {
    guard let text = try servingText(of: name) else { return nil }
    let serving = try SealedDocument.decode(ServingState.self, from: text.bytes, path: text.path)
    var versions: [VersionContents] = []
    for entry in try disk.entries(of: directory.versions(of: name)) {
      guard let number = VersionName.number(parsing: entry), !serving.deleted.contains(number) else { continue }
      if let version = try version(VersionName(index: name, number: number)) { versions.append(version) }
    }
    let reports = try disk.entries(of: directory.reports(of: name)).filter { $0.hasSuffix(".json") }
    let kept = [AuditLog.fileName] + reports.map { "rollouts/\($0)" }
    return IndexContents(
      name: name, servingFile: text.file, servingBytes: text.bytes, stable: serving.stable, previous: serving.previous,
      candidate: serving.activeRollout?.candidate, versions: versions,
      otherFiles: kept.filter { disk.exists("\(directory.index(name))/\($0)") })
  }

  /// What serves, as it stands in its file now; nil when there is no such file.
  package func servingText(of name: String) throws(VectorIndexError) -> (file: String, path: String, bytes: [UInt8])? {
    for file in [ServingState.fileName, ServingState.formerFileName] {
      let path = "\(directory.index(name))/\(file)"
      guard disk.exists(path) else { continue }
      let bytes = try ReadableFile(opening: path).readAll(atMost: ServingState.maxBytes)
      let format = try SealedDocument.decode(FormatNumber.self, from: bytes, path: path).format
      guard (1...ServingState.currentFormat).contains(format) else {
        throw VectorIndexError(
          .unsupportedFormat,
          "\(path) has format \(format), this release reads up to \(ServingState.currentFormat); use the release that wrote it"
        )
      }
      return (file, path, bytes)
    }
    return nil
  }

  /// Nil when it has been deleted meanwhile.
  private func version(_ name: VersionName) throws(VectorIndexError) -> VersionContents? {
    do {
      let manifest = try VersionReader(disk: disk, directory: directory.version(name), name: name).readManifest()
      return VersionContents(manifest)
    } catch  where !disk.isDirectory(directory.version(name)) {
      return nil
    }
  }

  /// Whether a version is still there.
  package func has(_ name: VersionName) -> Bool { disk.isDirectory(directory.version(name)) }
}

/// An index: what serves, and the files of its versions.
package struct IndexContents: Sendable {
  package let name: String
  /// Name of the file that says what serves, and its text.
  package let servingFile: String
  package let servingBytes: [UInt8]
  package let stable: UInt64?
  package let previous: UInt64?
  /// Of the rollout under way.
  package let candidate: UInt64?
  /// In the order of their directories' names.
  package let versions: [VersionContents]
  /// Paths within the index's directory of what else there is: the audit log, and reports of rollouts.
  package let otherFiles: [String]
}

/// The files of a version, with the digests that they were published with.
package struct VersionContents: Sendable {
  package struct File: Sendable {
    package let name: String
    package let bytes: UInt64
    package let sha256: String
  }

  package static let manifestName = Manifest.fileName

  package let info: VersionInfo
  /// Beside the manifest.
  package let files: [File]
  /// The backend's collection that holds the vectors, which are in no file then.
  package let collection: String?

  init(_ manifest: Manifest) {
    info = manifest.info
    collection = manifest.collection
    var files = (manifest.files + [manifest.categories].compactMap(\.self)).map {
      File(name: $0.name, bytes: $0.bytes, sha256: $0.sha256)
    }
    if collection != nil { files.removeAll { $0.name == VersionFile.vectors.rawValue } }
    if let graph = manifest.graph {
      files.append(File(name: Manifest.Graph.fileName, bytes: graph.bytes, sha256: graph.sha256))
    }
    self.files = files
  }
}
