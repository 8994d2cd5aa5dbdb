// SPDX-License-Identifier: Apache-2.0

import Basics
import Foundation

/// Files that the user names.
enum InputFile {
  /// The bytes of a file, mapped where the system can.
  ///
  /// - Parameter what: what the file is to the user, for the error: "the catalog".
  static func bytes(of path: String, what: String) throws(CLIError) -> Data {
    try requireFile(path, what: what)
    do {
      return try Data(contentsOf: URL(fileURLWithPath: path), options: .mappedIfSafe)
    } catch {
      throw CLIError(.fileAccess, "\(path): \(what) cannot be read: \(ErrorText.of(error))", cause: error)
    }
  }

  static func isDirectory(_ path: String) -> Bool {
    var isDirectory: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) && isDirectory.boolValue
  }

  /// Throws unless `path` is a directory.
  static func requireDirectory(_ path: String, what: String) throws(CLIError) {
    guard FileManager.default.fileExists(atPath: path) else {
      throw CLIError(.fileAccess, "\(path): no such directory (\(what))")
    }
    guard isDirectory(path) else { throw CLIError(.fileAccess, "\(path): not a directory (\(what))") }
  }

  /// Throws unless there is a file or a directory at `path`.
  static func requireAny(_ path: String, what: String) throws(CLIError) {
    guard FileManager.default.fileExists(atPath: path) else {
      throw CLIError(.fileAccess, "\(path): no such file (\(what))")
    }
  }

  /// Throws unless there is a file at `path`.
  static func requireFile(_ path: String, what: String) throws(CLIError) {
    try requireAny(path, what: what)
    guard !isDirectory(path) else { throw CLIError(.fileAccess, "\(path): a directory where \(what) is expected") }
  }
}
