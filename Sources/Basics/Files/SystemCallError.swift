// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A system call that failed: what it did, to which file, and the kernel's reason.
package struct SystemCallError: Error, Equatable, Sendable, CustomStringConvertible {
  package let call: String
  package let path: String
  package let errno: Int32

  package init(_ call: String, _ path: String, errno: Int32) {
    self.call = call
    self.path = path
    self.errno = errno
  }

  /// The kernel's reason in words.
  package var reason: String { String(cString: strerror(errno)) }

  package var description: String { "\(call) \(path): \(reason)" }
}
