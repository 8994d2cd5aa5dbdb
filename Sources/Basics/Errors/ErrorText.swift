// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc

/// What an error is called in a message for people, without the wrapping of the library that threw it.
package enum ErrorText {
  /// Of errors that have words of their own, those; of Foundation's, the kernel's reason or the place in the document.
  package static func of(_ error: any Error) -> String {
    switch error {
    case let error as DecodingError: of(error)
    case is CancellationError: "interrupted"
    default: isFoundation(error) ? reason(error as NSError) : "\(error)"
    }
  }

  /// Whether it has a number and no words that a person understands.
  package static func isFoundation(_ error: any Error) -> Bool {
    error is CocoaError || error is POSIXError || error is URLError || type(of: error) is NSError.Type
  }

  // MARK: Files

  private static func reason(_ error: NSError) -> String {
    let underlying = (error.userInfo[NSUnderlyingErrorKey] as? NSError) ?? error
    let number = underlying.domain == NSPOSIXErrorDomain ? Int32(underlying.code) : posixCode(error)
    guard let number else {
      return "the system gives no reason (\(error.domain) \(error.code)); check the path, its rights and the space left"
    }
    return String(cString: strerror(number))
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
    case .fileReadInvalidFileName, .fileWriteInvalidFileName: return EINVAL
    default: return nil
    }
  }

  // MARK: Documents

  private static func of(_ error: DecodingError) -> String {
    switch error {
    case .keyNotFound(let key, let context): "\(path(context)) lacks \"\(key.stringValue)\""
    case .valueNotFound(_, let context): "\(path(context)) is null"
    case .typeMismatch(let type, let context): "\(path(context)) is not \(kind(of: type))"
    case .dataCorrupted(let context) where !context.codingPath.isEmpty: "\(path(context)): \(context.debugDescription)"
    case .dataCorrupted: "not valid JSON, or cut off (NaN is not JSON either)"
    @unknown default: "not the expected JSON"
    }
  }

  /// What JSON calls a type of Swift's.
  private static func kind(of type: any Any.Type) -> String {
    switch type {
    case is String.Type: "a text"
    case is Bool.Type: "true or false"
    case is any Numeric.Type: "a number of the expected kind"
    case is [Any].Type: "a list"
    default: "\(type)".hasPrefix("Array<") ? "a list" : "an object"
    }
  }

  private static func path(_ context: DecodingError.Context) -> String {
    let path = context.codingPath.reduce(into: "") { path, key in
      path += key.intValue.map { "[\($0)]" } ?? (path.isEmpty ? key.stringValue : ".\(key.stringValue)")
    }
    return path.isEmpty ? "the top level" : path
  }
}
