// SPDX-License-Identifier: Apache-2.0

/// How ids are read, alike in all formats: byte for byte, but that a whole number has one spelling.
///
/// Tables turn a column of numbers with a gap into floats, and write the id 17 as `17.0`; a file of the same data beside it
/// says `17`.
enum ItemName {
  /// `text` without the `.0` of a whole number, everything else as it stands.
  static func canonical(_ text: String) -> String {
    guard let dot = text.utf8.lastIndex(of: UInt8(ascii: ".")) else { return text }
    let (whole, part) = (text[..<dot], text[text.utf8.index(after: dot)...])
    guard !part.isEmpty, part.utf8.allSatisfy({ $0 == UInt8(ascii: "0") }), isWholeNumber(whole) else { return text }
    return String(whole)
  }

  /// As numbers are written: "-3", but neither "007" nor "-0".
  private static func isWholeNumber(_ text: Substring) -> Bool {
    let digits = text.hasPrefix("-") ? text.dropFirst() : text
    guard let first = digits.utf8.first, digits.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }) else {
      return false
    }
    return first != UInt8(ascii: "0") || text.utf8.count == 1
  }

  /// The id of a JSON number: 17, 17.0 and 1.7e1 are one.
  static func canonical(number text: String) -> String {
    let isScaled = text.contains { $0 == "e" || $0 == "E" }
    guard isScaled, let value = Double(text), abs(value) < 9_007_199_254_740_992, let integer = Int(exactly: value)
    else { return canonical(text) }
    return String(integer)
  }
}
