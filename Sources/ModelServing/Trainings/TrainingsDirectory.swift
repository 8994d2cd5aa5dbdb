// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
package import Models
package import ServiceSupport

/// The one directory that callers may have checkpoints read from.
///
/// A caller names a path, and nobody is asked who they are: what lies outside is refused before it is touched, and a link is
/// followed only to what lies inside. Of a checkpoint's frozen parts, which are links elsewhere as a rule, nothing is read
/// but what tells whether they are those that serve.
package struct TrainingsDirectory: Sendable {
  /// As it was configured.
  package let path: String

  private static let maxPathBytes = 1024

  /// - Throws: when it is not there.
  package init(_ path: String) throws(SettingsError) {
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), isDirectory.boolValue else {
      throw SettingsError(
        "--trainings \(path) is no directory; create it, or name the one that checkpoints are written to")
    }
    self.path = path
  }

  /// A checkpoint that a caller names.
  package struct Entry: Sendable {
    /// Beneath the directory.
    package let name: String
    /// Without links.
    package let path: String
  }

  /// - Parameters:
  ///   - name: beneath the directory, or an absolute path that leads there.
  ///   - field: path in the request.
  /// - Throws: TRAINING_NAME_INVALID, TRAINING_OUTSIDE, TRAINING_NOT_FOUND.
  package func entry(_ name: String, field: String) throws(ServiceFailure) -> Entry {
    guard !name.isEmpty, name.utf8.count <= Self.maxPathBytes, !name.utf8.contains(0) else {
      throw ServiceFailure(
        .trainingNameInvalid,
        "name a directory beneath the server's --trainings, in at most \(Self.maxPathBytes) bytes and without NUL",
        field: field)
    }
    let parts = name.split(separator: "/")
    guard !parts.contains("..") else { throw outside(name, field) }
    var found: String?
    if name.hasPrefix("/") {
      guard Self.isBeneath(name, path) || root.map({ Self.isBeneath(name, $0) }) == true else {
        throw outside(name, field)
      }
      found = Self.resolved(name)
    } else {
      found = Self.resolved("\(path)/\(name)")
    }
    guard let found, CheckpointLocation.exists(found + "/rec_module") else {
      throw ServiceFailure(
        .trainingNotFound,
        "\"\(name)\" is no checkpoint in \(path) on the server's machine; it must be a directory that holds rec_module/",
        field: field)
    }
    guard let root, Self.isBeneath(found, root) else { throw outside(name, field) }
    return Entry(name: String(decoding: found.utf8.dropFirst(root.utf8.count + 1), as: UTF8.self), path: found)
  }

  /// Those that lie inside, links followed.
  package var readable: ReadableFiles {
    ReadableFiles { [self] file in
      guard let root, let resolved = Self.resolved(file) else { return false }
      return Self.isBeneath(resolved, root)
    }
  }

  /// Asked each time: it may be a link that is set anew.
  private var root: String? { Self.resolved(path) }

  private func outside(_ name: String, _ field: String) -> ServiceFailure {
    ServiceFailure(
      .trainingOutside, "\"\(name)\" leads out of \(path), the directory of trainings; name one beneath it",
      field: field)
  }

  /// Without links, "." and ".."; nil when there is nothing.
  private static func resolved(_ path: String) -> String? {
    guard let resolved = realpath(path, nil) else { return nil }
    defer { free(resolved) }
    return String(cString: resolved)
  }

  private static func isBeneath(_ path: String, _ root: String) -> Bool {
    path.utf8.starts(with: (root.hasSuffix("/") ? root : root + "/").utf8)
  }
}
