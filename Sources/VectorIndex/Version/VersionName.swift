// SPDX-License-Identifier: Apache-2.0

/// "<index>/versions/<number>".
package struct VersionName: Hashable, Sendable, CustomStringConvertible {
  package let index: String
  package let number: UInt64

  package init(index: String, number: UInt64) {
    self.index = index
    self.number = number
  }

  package init(parsing text: String) throws(VectorIndexError) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 3, parts[1] == "versions", let number = Self.number(parsing: parts[2]) else {
      throw VectorIndexError(
        .invalidVersionName,
        "version name '\(text)' is not of the form INDEX/versions/NUMBER, such as items/versions/42")
    }
    try Self.checkIndex(String(parts[0]))
    self.init(index: String(parts[0]), number: number)
  }

  package var description: String { "\(index)/versions/\(number)" }

  /// A version number: decimal, from 1, without leading zeros, so that each has one spelling.
  package static func number(parsing text: some StringProtocol) -> UInt64? {
    guard let number = UInt64(text), number > 0, String(number) == text else { return nil }
    return number
  }

  /// Refuses what cannot name an index. Names are also directory names, so nothing else may pass.
  package static func checkIndex(_ name: String) throws(VectorIndexError) {
    let bytes = Array(name.utf8)
    let isValid =
      (1...64).contains(bytes.count) && isLetterOrDigit(bytes[0])
      && bytes.allSatisfy { isLetterOrDigit($0) || "-_.".utf8.contains($0) }
    guard isValid else {
      throw VectorIndexError(
        .invalidIndexName,
        "index name '\(name)' is not allowed: use 1 to 64 of a-z, 0-9, '-', '_' and '.', starting with a letter or digit"
      )
    }
  }

  private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
  }
}
