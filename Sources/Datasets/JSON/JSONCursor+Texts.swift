// SPDX-License-Identifier: Apache-2.0

extension JSONCursor {
  /// A value as pieces of text: one of a string or number, those of a list, none of anything else. White space around
  /// a piece is cut, empty pieces are left out.
  mutating func readTexts() throws -> [String] {
    switch try kind() {
    case .string: return [try readString().trimmingSpaces()].filter { !$0.isEmpty }
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

  /// As `readTexts`, with the white space around pieces and with the empty pieces of lists. Of an empty string there is none.
  mutating func readExactTexts() throws -> [String] {
    switch try kind() {
    case .string:
      let text = try readString()
      return text.isEmpty ? [] : [text]
    case .array:
      var texts: [String] = []
      try readArray { cursor in
        let isText = try cursor.kind() == .string
        let pieces = try cursor.readExactTexts()
        texts += isText && pieces.isEmpty ? [""] : pieces
      }
      return texts
    case .number, .object, .literal: return try readTexts()
    }
  }

  /// A name in the spelling of ``ItemName``; none of null and of an empty string.
  mutating func readName() throws -> String? {
    switch try kind() {
    case .string:
      let name = try readString(isExact: true)
      return name.isEmpty ? nil : ItemName.canonical(name)
    case .number: return ItemName.canonical(number: try readNumber())
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
}
