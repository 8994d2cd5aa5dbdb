// SPDX-License-Identifier: Apache-2.0

/// Text in a table of comma-separated values (RFC 4180).
enum CSVText {
  /// Spreadsheets take a field that begins with one of `formulaStarts` for a formula and run it, quoted or not. An apostrophe in
  /// front makes it text there; who reads the file by a program takes it away.
  ///
  /// Goes by bytes, as readers do: a comma in front of an accent, one character to Swift, separates fields.
  static func field(_ text: String) -> String {
    let special: Set<UInt8> = [UInt8(ascii: ","), UInt8(ascii: "\""), UInt8(ascii: "\n"), UInt8(ascii: "\r")]
    let text = text.utf8.first.map(formulaStarts.contains) ?? false ? "'" + text : text
    guard text.utf8.contains(where: special.contains) else { return text }
    let doubled = text.utf8.flatMap { $0 == UInt8(ascii: "\"") ? [$0, $0] : [$0] }
    return "\"" + String(decoding: doubled, as: UTF8.self) + "\""
  }

  private static let formulaStarts = Set("=+-@\t\r".utf8)
}
