// SPDX-License-Identifier: Apache-2.0

import Basics
import Glibc

/// A new folder that is filled: only its maker may read it, unless another mode is asked for.
struct FolderTree {
  let root: String
  let mode: UInt32

  /// Makes the folder itself; one that exists is an error.
  init(creating root: String, mode: UInt32 = 0o700) throws(SystemCallError) {
    guard mkdir(root, mode) == 0 else { throw SystemCallError("mkdir", root, errno: errno) }
    self.root = root
    self.mode = mode
  }

  /// The path of a file in it, whose folders are made as far as they are missing.
  func place(_ relative: String) throws(SystemCallError) -> String {
    let parts = relative.split(separator: "/")
    var path = root
    for part in parts.dropLast() {
      path += "/\(part)"
      if mkdir(path, mode) != 0, errno != EEXIST { throw SystemCallError("mkdir", path, errno: errno) }
    }
    return "\(root)/\(relative)"
  }

  /// Makes the entries of all its folders durable.
  func sync() throws(SystemCallError) {
    try Self.visit(root) { path, isFolder throws(SystemCallError) in
      if isFolder { try DirectoryEntries.sync(path) }
    }
  }

  /// Gives all of it to `owner`.
  func give(to owner: FileOwner) throws(SystemCallError) {
    try Self.visit(root) { path, _ throws(SystemCallError) in try owner.take(path) }
  }

  /// Removes a folder with all that is in it, as far as that can be done.
  static func remove(_ root: String) {
    try? visit(root) { path, isFolder throws(SystemCallError) in _ = isFolder ? rmdir(path) : unlink(path) }
  }

  /// Visits what lies in a folder, then the folder.
  private static func visit(
    _ path: String, _ body: (String, Bool) throws(SystemCallError) -> Void
  ) throws(SystemCallError) {
    guard let folder = opendir(path) else { throw SystemCallError("open", path, errno: errno) }
    var names: [(name: String, isFolder: Bool)] = []
    while let entry = readdir(folder) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name == "." || name == ".." { continue }
      var status = stat()
      let isFolder = lstat("\(path)/\(name)", &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
      names.append((name, isFolder))
    }
    closedir(folder)
    for (name, isFolder) in names {
      if isFolder { try visit("\(path)/\(name)", body) } else { try body("\(path)/\(name)", false) }
    }
    try body(path, true)
  }
}

/// Whom a restored file is for.
///
/// A service that runs as a user of its own must be able to use what root restores for it. It is given to the owner of the directory that it is
/// put into, which is the service's.
struct FileOwner {
  private let ids: (user: uid_t, group: gid_t)?

  /// That of `path`'s directory where this process is root; else files stay this process's user's.
  init(beside path: String) throws(SystemCallError) {
    guard geteuid() == 0 else {
      ids = nil
      return
    }
    let parent = DirectoryEntries.parent(of: path)
    var status = stat()
    guard stat(parent, &status) == 0 else { throw SystemCallError("inspect", parent, errno: errno) }
    ids = (status.st_uid, status.st_gid)
  }

  func take(_ path: String) throws(SystemCallError) {
    guard let ids else { return }
    guard lchown(path, ids.user, ids.group) == 0 else { throw SystemCallError("chown", path, errno: errno) }
  }
}
