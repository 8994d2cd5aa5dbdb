// SPDX-License-Identifier: Apache-2.0

package import FoundationEssentials
import Glibc

/// Where something is written that a user named: a file, which is replaced whole, or what is none, such as a pipe, which is
/// written into and stays.
package struct OutputPlace: Sendable {
  package enum Kind: Sendable {
    /// Or nothing yet.
    case file
    /// A pipe, a terminal, a device of characters.
    case stream
    /// A directory, a disk, a socket.
    case other
  }

  /// Where it lies when links have been followed: two names of one place have the same.
  package let path: String
  package let kind: Kind

  package init(_ name: String) {
    path = Self.followed(name, links: 0)
    var status = stat()
    guard stat(path, &status) == 0 else {
      kind = .file
      return
    }
    kind =
      switch status.st_mode & S_IFMT {
      case S_IFREG: .file
      case S_IFIFO, S_IFCHR: .stream
      default: .other
      }
  }

  package var directory: String { DirectoryEntries.parent(of: path) }

  /// The name itself where the system has no answer, and the end of links that lead nowhere.
  private static func followed(_ name: String, links: Int) -> String {
    if let known = real(name) { return known }
    var target = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
    let count = readlink(name, &target, Int(PATH_MAX))
    let parent = DirectoryEntries.parent(of: name)
    if count > 0, links < 40 {
      let end = String(decoding: target.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
      return followed(end.hasPrefix("/") ? end : "\(parent)/\(end)", links: links + 1)
    }
    let last = name.split(separator: "/").last.map(String.init) ?? name
    return real(parent).map { $0 == "/" ? "/\(last)" : "\($0)/\(last)" } ?? name
  }

  private static func real(_ path: String) -> String? {
    guard let found = realpath(path, nil) else { return nil }
    defer { free(found) }
    return String(cString: found)
  }

  /// A file appears whole or not at all; a stream gets the bytes.
  package func write(_ bytes: Data) throws {
    guard kind == .stream else { return try bytes.write(to: URL(filePath: path), options: .atomic) }
    let stream = try OpenFile(path, O_WRONLY)
    try bytes.withUnsafeBytes { try stream.write($0) }
  }

  /// Makes a file of another name beside it, and removes it again: whether the place takes files is not told by its rights alone.
  package func requireFile() throws(SystemCallError) {
    let probe = "\(directory)/.illmrec-\(getpid())-\(UInt64.random(in: 0...UInt64.max))"
    _ = try OpenFile(probe, O_WRONLY | O_CREAT | O_EXCL)
    unlink(probe)
  }
}
