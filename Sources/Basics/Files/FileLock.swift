// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A lock on a file that one holder in one process has, until it lets go or its process ends, however it ends.
///
/// It is `flock`'s: two holders in one process exclude each other, and closing some other descriptor of the file does not
/// release it, as it would with `fcntl`'s. The kernel counts such a lock as held while any copy of the descriptor is open, and
/// a child has copies of all from its fork until it runs its program. Letting go therefore unlocks before it closes: that
/// releases the lock whatever copies there are. After a kill nobody unlocks, and a child that was being started holds on for
/// a moment; whoever wants the lock waits that long before it is refused.
package struct FileLock: ~Copyable, Sendable {
  /// The locked file, open for reading and writing.
  package let file: OpenFile

  /// Takes the lock; the file is created when it is missing, and never removed here.
  ///
  /// - Parameter patience: how long to wait for a holder that is ending.
  /// - Throws: `EWOULDBLOCK` when it is held; see ``SystemCallError/isHeldLock``.
  package init(
    _ path: String, mode: UInt32 = 0o644, patience: Duration = .milliseconds(200), fault: FileFault? = nil
  ) throws(SystemCallError) {
    let end = ContinuousClock.now + patience
    while true {
      let file = try OpenFile(path, O_RDWR | O_CREAT, mode: mode, fault: fault)
      if flock(file.descriptor, LOCK_EX | LOCK_NB) == 0 {
        // Who comes when a holder removes or renames the file may have locked one that nobody can find any more.
        if file.isInPlace {
          self.file = file
          return
        }
      } else {
        let reason = errno
        guard reason == EWOULDBLOCK || reason == EINTR, .now < end else {
          throw SystemCallError("lock", path, errno: reason)
        }
        usleep(5000)
      }
    }
  }

  /// Takes the lock, or throws the caller's own error for the system's.
  ///
  /// - Parameters:
  ///   - held: when somebody else has it.
  ///   - failed: when the file cannot be made, opened or locked.
  package init<Failure: Error>(
    _ path: String, mode: UInt32 = 0o644, held: @autoclosure () -> Failure, failed: (SystemCallError) -> Failure
  ) throws(Failure) {
    do throws(SystemCallError) {
      try self.init(path, mode: mode)
    } catch {
      throw error.isHeldLock ? held() : failed(error)
    }
  }

  deinit { flock(file.descriptor, LOCK_UN) }

  /// Whether somebody holds the lock at the moment. Neither makes the file nor keeps the lock.
  package static func isHeld(_ path: String) -> Bool {
    guard let file = try? OpenFile(path, O_RDONLY), file.isInPlace else { return false }
    guard flock(file.descriptor, LOCK_SH | LOCK_NB) == 0 else { return errno == EWOULDBLOCK }
    flock(file.descriptor, LOCK_UN)
    return false
  }
}

extension SystemCallError {
  /// Whether it was a ``FileLock`` that somebody else holds.
  package var isHeldLock: Bool { call == "lock" && errno == EWOULDBLOCK }
}
