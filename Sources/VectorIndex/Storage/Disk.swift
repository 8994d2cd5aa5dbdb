// SPDX-License-Identifier: Apache-2.0

import Basics
import Glibc

/// The store's way to change the disk: each operation belongs to a step and reports failures by path.
struct Disk: Sendable {
  let faults: any StorageFaults

  /// Creates a directory for the owner and group; it may exist already.
  func createDirectory(_ path: String, at step: StorageStep) throws(VectorIndexError) {
    try refuse("mkdir", path, at: step)
    if mkdir(path, 0o750) != 0, errno != EEXIST { throw .systemCall("mkdir", path, errno: errno) }
  }

  /// Makes the entries of a directory durable: a rename or a new file survives a power loss only after it.
  func syncDirectory(_ path: String, at step: StorageStep) throws(VectorIndexError) {
    try explainingSystemCalls { () throws(SystemCallError) in
      try DirectoryEntries.sync(path, fault: faults.fault(at: step))
    }
  }

  /// Moves a file or directory within the file system, atomically; replaces a file at `target`.
  func move(_ source: String, to target: String, at step: StorageStep) throws(VectorIndexError) {
    try refuse("rename", source, at: step)
    if rename(source, target) != 0 { throw .systemCall("rename", "\(source) to \(target)", errno: errno) }
  }

  /// Removes a file, or a directory with everything in it. Nothing there is no error.
  func removeTree(_ path: String, at step: StorageStep) throws(VectorIndexError) {
    try refuse("remove", path, at: step)
    var status = stat()
    guard lstat(path, &status) == 0 else {
      if errno == ENOENT { return }
      throw .systemCall("stat", path, errno: errno)
    }
    guard status.st_mode & S_IFMT == S_IFDIR else {
      if unlink(path) != 0 { throw .systemCall("unlink", path, errno: errno) }
      return
    }
    for name in try entries(of: path) { try removeTree("\(path)/\(name)", at: step) }
    if rmdir(path) != 0 { throw .systemCall("rmdir", path, errno: errno) }
  }

  /// Names in a directory, in byte order; none when it does not exist.
  func entries(of path: String) throws(VectorIndexError) -> [String] {
    guard let directory = opendir(path) else {
      if errno == ENOENT { return [] }
      throw .systemCall("open", path, errno: errno)
    }
    defer { closedir(directory) }
    var names: [String] = []
    errno = 0
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != "." && name != ".." { names.append(name) }
      errno = 0
    }
    if errno != 0 { throw .systemCall("readdir", path, errno: errno) }
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// Whether `path` is a directory (not a link to one).
  func isDirectory(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// Whether something lies at `path`.
  func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  /// Fails when the step's fault says so.
  func refuse(_ call: String, _ path: String, at step: StorageStep) throws(VectorIndexError) {
    if let fault = faults.fault(at: step) { throw .systemCall(call, path, errno: fault.errno) }
  }
}
