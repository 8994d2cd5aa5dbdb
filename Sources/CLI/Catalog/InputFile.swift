// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Files that the user names.
enum InputFile {
  /// The bytes of a file, mapped where the system can.
  ///
  /// - Parameter what: what the file is to the user, for the error: "the catalog".
  static func bytes(of path: String, what: String) throws(CLIError) -> Data {
    try check(path, what: what)
    do {
      return try Data(contentsOf: URL(fileURLWithPath: path), options: .mappedIfSafe)
    } catch {
      throw CLIError(.fileAccess, "\(path): \(what) cannot be read: \(reason(error))", cause: error)
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

  private static func check(_ path: String, what: String) throws(CLIError) {
    guard FileManager.default.fileExists(atPath: path) else {
      throw CLIError(.fileAccess, "\(path): no such file (\(what))")
    }
    guard !isDirectory(path) else { throw CLIError(.fileAccess, "\(path): a directory where \(what) is expected") }
  }

  /// The system's words for a file error, without Foundation's wrapping.
  static func reason(_ error: any Error) -> String {
    let error = error as NSError
    let underlying = (error.userInfo[NSUnderlyingErrorKey] as? NSError) ?? error
    let number = underlying.domain == NSPOSIXErrorDomain ? Int32(underlying.code) : posixCode(error)
    return number.map { String(cString: strerror($0)) } ?? error.localizedDescription
  }

  /// What Foundation's own codes were made from, for errors that do not carry it.
  private static func posixCode(_ error: NSError) -> Int32? {
    guard error.domain == NSCocoaErrorDomain else { return nil }
    switch CocoaError.Code(rawValue: error.code) {
    case .fileNoSuchFile, .fileReadNoSuchFile: return ENOENT
    case .fileReadNoPermission, .fileWriteNoPermission: return EACCES
    case .fileWriteOutOfSpace: return ENOSPC
    case .fileWriteVolumeReadOnly: return EROFS
    case .fileWriteFileExists: return EEXIST
    default: return nil
    }
  }
}
