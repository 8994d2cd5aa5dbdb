// SPDX-License-Identifier: Apache-2.0

package import Basics
import Glibc

/// Why a backup or a restore did not come about, and what to do.
package struct BackupError: CodedError {
  package enum Code: Sendable, Equatable {
    /// Something is where a new file or folder would be put.
    case exists
    /// The folder is no whole backup.
    case invalid
    /// A newer release made the backup.
    case unsupportedFormat
    /// The index changed faster than it could be copied.
    case changing
    /// The disk refused.
    case storage
  }

  package let code: Code
  package let message: String
  package let cause: (any Error)?

  package init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
    self.code = code
    self.message = message
    self.cause = cause
  }

  package init(_ error: SystemCallError) {
    let remedy =
      switch error.errno {
      case ENOSPC, EDQUOT: "free space there, or name another place"
      case EACCES, EPERM: "run as a user who may, such as root"
      case EEXIST: "nothing is written over: move it away, or name another place"
      default: "check the file system it lies on"
      }
    self.init(error.errno == EEXIST ? .exists : .storage, "\(error); \(remedy)", cause: error)
  }

  package var description: String { message }
}
