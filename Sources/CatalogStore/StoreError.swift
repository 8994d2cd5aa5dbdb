// SPDX-License-Identifier: Apache-2.0

import Basics
import GRDB

/// Why the item store cannot do what was asked.
package struct StoreError: CodedError {
  package enum Code: Sendable, CaseIterable {
    /// The file cannot be opened or created.
    case unavailable
    /// The file or its directory cannot be written.
    case readOnly
    /// The disk has no room.
    case full
    /// The file is no item store, or is damaged.
    case corrupt
    /// The file was written by a later version of this software.
    case tooNew
    /// Another process holds the file.
    case locked
    /// The disk or SQLite failed otherwise.
    case failed
    /// The snapshot that was named does not exist, or not any more.
    case snapshotNotFound
    /// There is no snapshot yet.
    case nothingCommitted
    /// The snapshot that the serving index version was built from is not in this file.
    case releaseMissing
    /// The serving index version was built from the items of another file.
    case releaseForeign
    /// The snapshot cannot be dropped.
    case snapshotInUse
    /// A snapshot of no items was asked for.
    case draftEmpty
  }

  package let code: Code
  package let message: String
  package let cause: (any Error)?

  package init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
    self.code = code
    self.message = message
    self.cause = cause
  }
}

extension StoreError {
  /// What an error of SQLite means for the store at `path`.
  package init(_ error: any Error, path: String) {
    if let error = error as? StoreError {
      self = error
      return
    }
    guard let code = (error as? DatabaseError)?.resultCode else {
      self.init(.failed, "the item store \(path) failed; see the cause", cause: error)
      return
    }
    switch code {
    case .SQLITE_READONLY, .SQLITE_PERM:
      self.init(
        .readOnly,
        "the item store \(path) cannot be written; mount its directory writable, correct its rights, or name another --store",
        cause: error)
    case .SQLITE_FULL:
      self.init(
        .full,
        "the disk of the item store \(path) is full; free space and send again what was not acknowledged", cause: error)
    case .SQLITE_CORRUPT, .SQLITE_NOTADB:
      self.init(
        .corrupt,
        "\(path) is damaged or no item store; restore it from a backup, or name a new --store and encode the catalog again",
        cause: error)
    case .SQLITE_BUSY, .SQLITE_LOCKED:
      self.init(.locked, "another process holds the item store \(path); end it, or name another --store", cause: error)
    case .SQLITE_CANTOPEN:
      self.init(
        .unavailable,
        "the item store \(path) cannot be opened; check that its directory exists, that the disk is not read-only, and its rights",
        cause: error)
    default:
      self.init(
        .failed, "the item store \(path) failed; check the disk and its free space", cause: error)
    }
  }
}
