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

  /// Makes a directory and those that it lies in, as far as they are missing.
  ///
  /// - Throws: with the path of the first that cannot be made; `ENOTDIR` where a file stands in its place.
  package static func create(_ path: String) throws(SystemCallError) {
    var status = stat()
    if stat(path, &status) == 0 {
      guard status.st_mode & S_IFMT == S_IFDIR else { throw SystemCallError("mkdir", path, errno: ENOTDIR) }
      return
    }
    let parent = parent(of: path.last == "/" ? String(path.dropLast()) : path)
    if parent != path { try create(parent) }
    if mkdir(path, 0o777) != 0, errno != EEXIST { throw SystemCallError("mkdir", path, errno: errno) }
  }

  /// The directory that the file at `path` lies in.
  package static func parent(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }
}
