// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Room on the disk for changes that must not wait for room: what is deleted or taken back is written down first, which a full
/// disk would refuse.
struct SpaceReserve: Sendable {
  /// A serving state, a line of the audit log, a note of a collection, and the directory blocks that they may need.
  private static let bytes = 256 * 1024

  let path: String

  /// Takes the room where there is some; a disk without it is not failed by that.
  func keep() {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    if posix_fallocate(descriptor, 0, off_t(Self.bytes)) != 0 { unlink(path) }
  }

  /// Gives the room back; false where none was kept.
  func release() -> Bool { unlink(path) == 0 }
}

extension ServingChange {
  /// Whether a full disk has to let it through: it makes room, or takes back what should serve nobody.
  fileprivate var mayUseReserve: Bool {
    switch self {
    case .delete, .rollBack, .rollBackRollout, .pauseRollout: true
    case .publish, .promote, .startRollout, .advanceRollout, .resumeRollout: false
    }
  }
}

extension VersionStore {
  /// Runs `body`, which makes `change`, and on a full disk once more with the room that is kept for such changes.
  func usingReserve<Value>(
    for change: ServingChange, _ body: () throws(VectorIndexError) -> Value
  ) throws(VectorIndexError) -> Value {
    do {
      return try body()
    } catch {
      guard error.code == .storageFull, change.mayUseReserve, reserve.release() else { throw error }
      defer { reserve.keep() }
      return try body()
    }
  }
}
