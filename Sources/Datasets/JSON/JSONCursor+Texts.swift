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

  /// A name as it stands, byte for byte, or a number as its text; none of null and of an empty string.
  mutating func readName() throws -> String? {
    switch try kind() {
    case .string:
      let name = try readString(isExact: true)
      return name.isEmpty ? nil : name
    case .number: return try readNumber()
    case .literal:
      try skip()
      return nil
    case .array, .object: throw problem("a name is a string or a number")
    }
  }

  /// A list of names, or one.
  mutating func readNames() throws -> [String] {
    guard try kind() == .array else { return [try readName()].compactMap(\.self) }
    var names: [String] = []
    try readArray { cursor in names += [try cursor.readName()].compactMap(\.self) }
    return names
  }

  private static func trimmed(_ text: String) -> String {
    guard text.first?.isWhitespace == true || text.last?.isWhitespace == true else { return text }
    let head = text.drop { $0.isWhitespace }
    guard let last = head.lastIndex(where: { !$0.isWhitespace }) else { return "" }
    return String(head[...last])
  }
}
