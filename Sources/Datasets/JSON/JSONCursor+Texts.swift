// SPDX-License-Identifier: Apache-2.0

extension JSONCursor {
  /// A value as pieces of text: one of a string or number, those of a list, none of anything else. White space around
  /// a piece is cut, empty pieces are left out.
  mutating func readTexts() throws -> [String] {
    switch try kind() {
    case .string: return [Self.trimmed(try readString())].filter { !$0.isEmpty }
    case .number: return [try readNumber()]
    case .array:
      var texts: [String] = []
      try readArray { cursor in texts += try cursor.readTexts() }
      return texts
    case .object, .literal:
      try skip()
      return []
    }
  }

  private static func trimmed(_ text: String) -> String {
    guard text.first?.isWhitespace == true || text.last?.isWhitespace == true else { return text }
    let head = text.drop { $0.isWhitespace }
    guard let last = head.lastIndex(where: { !$0.isWhitespace }) else { return "" }
    return String(head[...last])
  }
}
