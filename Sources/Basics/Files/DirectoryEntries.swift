// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The names in a directory, as the disk holds them.
package enum DirectoryEntries {
  /// Makes them durable: a rename or a new file survives a power loss only after it.
  ///
  /// File systems that cannot do it say so, and need not: no error.
  package static func sync(_ path: String, fault: FileFault? = nil) throws(SystemCallError) {
    if let fault { throw SystemCallError("fsync", path, errno: fault.errno) }
    let directory = try OpenFile(path, O_RDONLY | O_DIRECTORY)
    if fsync(directory.descriptor) != 0, errno != EINVAL, errno != ENOTSUP {
      throw SystemCallError("fsync", path, errno: errno)
    }
  }

  /// The directory that the file at `path` lies in.
  package static func parent(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }
}
