import Glibc

/// A system call that failed: what it did, to which file, and the kernel's reason.
package struct SystemCallError: Error, Sendable, CustomStringConvertible {
  package let call: String
  package let path: String
  package let errno: Int32

  package var description: String { "\(call) \(path): \(String(cString: strerror(errno)))" }
}

extension VectorIndexError {
  /// Every errno's meaning for whoever runs the service.
  static func systemCall(_ call: String, _ path: String, errno: Int32) -> VectorIndexError {
    let cause = SystemCallError(call: call, path: path, errno: errno)
    let (code, remedy): (Code, String) =
      switch errno {
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
    return VectorIndexError(code, "\(cause); \(remedy)", cause: cause)
  }
}
