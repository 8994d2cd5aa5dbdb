// SPDX-License-Identifier: Apache-2.0

/// How an index of items and its versions are named, for whoever is given such a name: the store, the services, the gateway.
///
/// Names are ASCII: whoever has checked one may compare it and use it as a key as it is. All other names are compared as bytes, by
/// `Identifier`.
package enum IndexNaming {
  /// What a refused name's owner does about it.
  package static let indexRule = "use 1 to 64 of a-z, 0-9, '-', '_' and '.', starting with a letter or digit"
  package static let versionRule = "of the form INDEX/versions/NUMBER, such as items/versions/42"

  /// Names are also directory names, so nothing else may pass.
  package static func isIndexName(_ name: String) -> Bool {
    guard (1...64).contains(name.utf8.count) else { return false }
    let bytes = Array(name.utf8)
    return isLetterOrDigit(bytes[0]) && bytes.allSatisfy { isLetterOrDigit($0) || "-_.".utf8.contains($0) }
  }

  /// More than any name has: of an index, of a version, and what stands between them.
  package static let maxBytes = 64 + "/versions/".utf8.count + 20

  /// A refused name as a message shows it.
  package static func shown(_ name: String) -> String {
    guard name.utf8.count > maxBytes else { return "'\(name)'" }
    return "of \(name.utf8.count) bytes"
  }

  /// The parts of "<index>/versions/<number>", the index not checked; nil for what is not of that form.
  package static func parts(ofVersion text: String) -> (index: String, number: UInt64)? {
    guard text.utf8.count <= maxBytes else { return nil }
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 3, parts[1] == "versions", let number = number(parsing: parts[2]) else { return nil }
    return (String(parts[0]), number)
  }

  /// A version number: decimal, from 1, without leading zeros, so that each has one spelling.
  package static func number(parsing text: some StringProtocol) -> UInt64? {
    guard let number = UInt64(text), number > 0, String(number) == text else { return nil }
    return number
  }

  private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
  }
}
