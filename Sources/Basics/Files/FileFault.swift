// SPDX-License-Identifier: Apache-2.0

/// What happens instead of a disk operation; the tests' way to break the disk.
package enum FileFault: Sendable {
  /// The operation does nothing and fails.
  case failure(errno: Int32)
  /// A write puts down half of its bytes, then fails. Any other operation fails at once.
  case shortWrite(errno: Int32)

  package var errno: Int32 {
    switch self {
    case .failure(let errno), .shortWrite(let errno): errno
    }
  }
}

/// What an ``AtomicFile`` does to the disk, in order.
package enum FileOperation: Sendable, CaseIterable {
  case create
  case write
  case sync
  case rename
  case syncDirectory
  /// Takes back what was written when it is not committed.
  case remove
}

/// Asked before every operation.
package typealias FileFaults = @Sendable (FileOperation) -> FileFault?
