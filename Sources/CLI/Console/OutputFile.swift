// SPDX-License-Identifier: Apache-2.0

import Basics
import Foundation

/// Files that commands write.
enum OutputFile {
  /// Throws unless `path` can be written: said before long work, not after it.
  static func requireWritable(_ path: String) throws(CLIError) { try requireWritable([path]) }

  /// Throws unless all of `paths` can be written, each for itself, and none of them is read by the same command.
  static func requireWritable(_ paths: [String], reading inputs: [String] = []) throws(CLIError) {
    let read = Set(inputs.map { OutputPlace($0).path })
    var written: Set<String> = []
    for path in paths {
      let place = OutputPlace(path)
      try requireWritable(place, named: path)
      guard place.kind == .file else { continue }
      guard !read.contains(place.path) else {
        throw CLIError(.fileAccess, "\(path): is read by this command, and would be written over; give another name")
      }
      guard written.insert(place.path).inserted else {
        throw CLIError(.fileAccess, "\(path): two outputs would be written there; give each a name of its own")
      }
    }
  }

  private static func requireWritable(_ place: OutputPlace, named path: String) throws(CLIError) {
    try InputFile.requireDirectory(place.directory, what: "where \(path) is to be written")
    guard !InputFile.isDirectory(path) else { throw CLIError(.fileAccess, "\(path): a directory; give a file's name") }
    switch place.kind {
    case .other: throw CLIError(.fileAccess, "\(path): neither a file nor a stream; give a file's name")
    case .stream:
      guard access(place.path, W_OK) == 0 else {
        throw CLIError(.fileAccess, "\(path): cannot be written: \(String(cString: strerror(errno)))")
      }
    case .file:
      do throws(SystemCallError) {
        try place.requireFile()
      } catch {
        throw CLIError(.fileAccess, "\(path): cannot be written: \(error.reason)", cause: error)
      }
    }
  }

  /// A file is written whole or not at all, so that a reader never sees half of it; what is there and is none, such as a
  /// pipe, is written into.
  static func write(_ bytes: Data, to path: String) throws(CLIError) {
    do {
      try OutputPlace(path).write(bytes)
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
