// SPDX-License-Identifier: Apache-2.0

package import Basics
import Glibc

extension VectorIndexError {
  static func systemCall(_ call: String, _ path: String, errno: Int32) -> VectorIndexError {
    VectorIndexError(SystemCallError(call, path, errno: errno))
  }

  /// Every errno's meaning for whoever runs the service.
  package init(_ cause: SystemCallError) {
    let (code, remedy): (Code, String) =
      switch cause.errno {
      case ENOSPC, EDQUOT:
        (.storageFull, "free space on that file system (delete old versions, empty quarantine/) and try again")
      case EROFS:
        (.storageFailed, "the file system is mounted read-only; remount it writable or choose another --data directory")
      case EACCES, EPERM:
        (.storageFailed, "give the service's user read and write permission there")
      case EMFILE, ENFILE:
        (.storageFailed, "too many open files; raise the limit (ulimit -n)")
      case ENOMEM:
        (.outOfMemory, "the machine has no memory left for it; delete old versions or use a larger machine")
      case EIO:
        (.storageFailed, "the disk reported an error; check it (dmesg) before trusting what it holds")
      default:
        (.storageFailed, "check the file system it lies on")
      }
    self.init(code, "\(cause); \(remedy)", cause: cause)
  }
}

/// Runs `body` and says what its failure means for whoever runs the service.
func explainingSystemCalls<Value: ~Copyable>(
  _ body: () throws(SystemCallError) -> Value
) throws(VectorIndexError) -> Value {
  do {
    return try body()
  } catch {
    throw VectorIndexError(error)
  }
}
