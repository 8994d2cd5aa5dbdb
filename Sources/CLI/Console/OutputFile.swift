// SPDX-License-Identifier: Apache-2.0

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
      throw CLIError(.fileAccess, "\(path): cannot be written: \(InputFile.reason(error))", cause: error)
    }
  }

  static func makeDirectory(_ path: String) throws(CLIError) {
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
      throw CLIError(.fileAccess, "\(path): the directory cannot be made: \(InputFile.reason(error))", cause: error)
    }
  }
}
