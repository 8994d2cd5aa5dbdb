// SPDX-License-Identifier: Apache-2.0

import Basics
import Glibc
package import Logging

/// Ends this process when the one that started it is gone, however that ended.
///
/// The parent leaves the reading end of a pipe to the child and keeps the only writing end, on which it never writes: the
/// kernel closes that with the parent, and the read returns. Unlike PR_SET_PDEATHSIG this does not depend on which of the
/// parent's threads started the child.
package enum ParentWatch {
  /// Names the pipe's descriptor in the child's environment.
  package static let variable = "ILLMREC_PARENT_PIPE"

  /// Starts watching, if the parent asked for it. When the parent is gone the process gets SIGTERM, which drains it.
  package static func start(logger: Logger) throws {
    guard let descriptor = getenv(variable).flatMap({ Int32(String(cString: $0)) }) else { return }
    unsetenv(variable)
    guard fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0 else {
      logger.warning("\(variable) names no open descriptor; this process will outlive the one that started it")
      return
    }
    _ = try DedicatedThread(name: "parent-watch", stackBytes: 256 << 10) {
      waitForEnd(of: descriptor)
      logger.warning("the process that started this one is gone: shutting down")
      kill(getpid(), SIGTERM)
    }
  }

  private static func waitForEnd(of descriptor: Int32) {
    var byte: UInt8 = 0
    var count = read(descriptor, &byte, 1)
    while count > 0 || (count < 0 && errno == EINTR) { count = read(descriptor, &byte, 1) }
  }
}
