// SPDX-License-Identifier: Apache-2.0

import Basics
import Foundation

/// Files that commands write.
enum OutputFile {
  /// Throws unless a file can be made at `path`: said before long work, not after it.
  static func requireWritable(_ path: String) throws(CLIError) {
    let directory = URL(fileURLWithPath: path).deletingLastPathComponent().path
    try InputFile.requireDirectory(directory, what: "where \(path) is to be written")
    guard !InputFile.isDirectory(path) else { throw CLIError(.fileAccess, "\(path): a directory; give a file's name") }
    guard access(directory, W_OK) == 0 else {
      throw CLIError(.fileAccess, "\(path): cannot be written: \(String(cString: strerror(errno)))")
    }
  }

  /// Writes all or nothing: a reader never sees half a file.
  static func write(_ bytes: Data, to path: String) throws(CLIError) {
    do {
      try bytes.write(to: URL(fileURLWithPath: path), options: .atomic)
    } catch {
      throw CLIError(.fileAccess, "\(path): cannot be written: \(ErrorText.of(error))", cause: error)
    }
  }

  /// - Parameter what: what the directory is to the user, for the error: "the state directory".
  static func makeDirectory(_ path: String, what: String = "the directory") throws(CLIError) {
    do throws(SystemCallError) {
      try DirectoryEntries.create(path)
    } catch {
      let problem =
        error.errno == ENOTDIR
        ? "\(error.path) is a file; name another place, or move the file away"
        : "\(error.path): \(error.reason); check its rights, or name another place"
      throw CLIError(.fileAccess, "\(path): \(what) cannot be made: \(problem)", cause: error)
    }
  }
}
