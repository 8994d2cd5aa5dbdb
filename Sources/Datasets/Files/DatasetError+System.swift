// SPDX-License-Identifier: Apache-2.0

import Basics
import Glibc

extension DatasetError {
  /// A file or directory that cannot be read, in the system's words.
  ///
  /// - Parameter what: what it is to the user: "the interactions".
  static func cannotRead(_ path: String, what: String, errno number: Int32) -> DatasetError {
    switch number {
    case ENOENT: DatasetError(.notFound, "\(path): no such file (\(what))")
    default: DatasetError(.unreadable, "\(path): \(what) cannot be read: \(String(cString: strerror(number)))")
    }
  }

  /// A file or directory that cannot be written, in the system's words.
  static func cannotWrite(_ path: String, errno number: Int32) -> DatasetError {
    let remedy =
      switch number {
      case ENOSPC, EDQUOT, EFBIG: "; make room, or choose another --out, and run the command again"
      case EACCES, EROFS: "; choose a directory that you may write"
      default: ""
      }
    return DatasetError(.unwritable, "\(path): cannot be written: \(String(cString: strerror(number)))\(remedy)")
  }
}

extension DatasetError {
  /// Runs `body`, which writes, and says what its failure means to the user.
  static func writing<Value: ~Copyable>(
    _ body: () throws(SystemCallError) -> Value
  ) throws(DatasetError) -> Value {
    do {
      return try body()
    } catch {
      throw cannotWrite(error.path, errno: error.errno)
    }
  }

  /// Runs `body`, whose errors are of this type but for those that callbacks of its own bring.
  static func wrapping<Value>(_ path: String, _ body: () throws -> Value) throws(DatasetError) -> Value {
    do {
      return try body()
    } catch let error as DatasetError {
      throw error
    } catch {
      throw DatasetError(.unreadable, "\(path): cannot be read", cause: error)
    }
  }
}
