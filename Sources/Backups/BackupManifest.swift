// SPDX-License-Identifier: Apache-2.0

import Basics
import VectorIndex

/// `backup.json`: what a backup holds. It is written last and carries its own digest, so that a folder with one is whole.
package struct BackupManifest: Codable, Sendable, Equatable {
  package static let fileName = "backup.json"
  package static let currentFormat = 1
  static let maxBytes = 64 << 20

  package struct File: Codable, Sendable, Equatable {
    /// Within the folder, its parts separated by slashes.
    package let path: String
    package let bytes: UInt64
    package let sha256: String
  }

  /// What the item store holds.
  package struct Catalog: Codable, Sendable, Equatable {
    package var catalogID: String?
    package var snapshots: [Int]

    enum CodingKeys: String, CodingKey {
      case catalogID = "catalog_id"
      case snapshots
    }
  }

  package struct Version: Codable, Sendable, Equatable {
    package let number: UInt64
    package let itemCount: Int
    /// Of the training that made the vectors.
    package let spaceFingerprint: String
    /// The snapshot that it was built from; nil where the publisher told none.
    package let catalogID: String?
    package let snapshot: UInt64?
    /// The backend's collection with the vectors, which the backup does not hold then.
    package let collection: String?

    enum CodingKeys: String, CodingKey {
      case number
      case itemCount = "item_count"
      case spaceFingerprint = "space_fingerprint"
      case catalogID = "catalog_id"
      case snapshot
      case collection
    }
  }

  package struct Index: Codable, Sendable, Equatable {
    package let name: String
    package let stable: UInt64?
    package let previous: UInt64?
    package let candidate: UInt64?
    package let versions: [Version]
  }

  package let format: Int
  /// Of the software that made it.
  package let softwareVersion: String
  /// Microseconds since 1970, when copying began: what was stored or changed later may be missing.
  package let timeMicros: Int64
  package let files: [File]
  /// Nil without an item store.
  package let catalog: Catalog?
  /// Nil without a data directory.
  package let indexes: [Index]?

  package var bytes: UInt64 { files.reduce(0) { $0 + $1.bytes } }

  enum CodingKeys: String, CodingKey {
    case format
    case softwareVersion = "software_version"
    case timeMicros = "time_unix_micros"
    case files
    case catalog
    case indexes
  }
}

/// Where things lie in a backup.
enum BackupLayout {
  static let store = "items.sqlite"
  /// The data directory.
  static let data = "index"
}

extension BackupManifest {
  /// Reads that of a folder; checks that it names nothing outside the folder.
  package static func read(in folder: String) throws -> BackupManifest {
    let path = "\(folder)/\(fileName)"
    let bytes: [UInt8]
    do throws(SystemCallError) {
      bytes = try SourceFile(path).readAll(atMost: maxBytes)
    } catch {
      throw BackupError(
        .invalid, "\(folder) is no whole backup: \(error); name the folder that illmrec backup made", cause: error)
    }
    let format = try SealedDocument.decode(FormatNumber.self, from: bytes, path: path).format
    guard (1...currentFormat).contains(format) else {
      throw BackupError(
        .unsupportedFormat,
        "\(path) has format \(format), this release reads up to \(currentFormat); use the release that wrote it")
    }
    let manifest = try SealedDocument.decode(BackupManifest.self, from: bytes, path: path)
    guard manifest.files.reduce(UInt64?(0), { sum, file in sum.flatMap { add(file.bytes, to: $0) } }) != nil else {
      throw BackupError(.invalid, "\(path) names files of more bytes than a disk has; do not use it")
    }
    for file in manifest.files where !isWithin(file.path) {
      throw BackupError(.invalid, "\(path) names '\(file.path)', which is no place in a backup; do not use it")
    }
    return manifest
  }

  private static func add(_ bytes: UInt64, to sum: UInt64) -> UInt64? {
    let (result, overflow) = sum.addingReportingOverflow(bytes)
    return overflow ? nil : result
  }

  private static func isWithin(_ path: String) -> Bool {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    guard path == BackupLayout.store || (parts.count > 1 && parts[0] == BackupLayout.data) else { return false }
    return parts.allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." && !$0.utf8.contains(0) }
  }
}

/// The one member that every format has.
private struct FormatNumber: Decodable {
  let format: Int
}
