// SPDX-License-Identifier: Apache-2.0

/// Reads JSON from front to back without building a tree: objects keep the order of their keys, and what nobody asks
/// for is checked and skipped.
///
/// Files of this kind reach gigabytes, and of a review of a kilobyte three short fields are wanted.
///
/// What Python's `json` writes for floats that are no numbers, `NaN` and `Infinity`, is read as a value that is missing.
///
/// Amazon's metadata of 2014 has no JSON but Python's dictionaries, one a line, as `repr` writes them: ``Grammar/python``.
///
/// - Source: RFC 8259.
struct JSONCursor {
  enum Grammar {
    case json
    /// Also strings in single quotes with Python's escapes, `True`, `False` and `None`.
    case python
  }

  private let bytes: UnsafeBufferPointer<UInt8>
  private let grammar: Grammar
  private(set) var offset = 0
  private var depth = 0

  private static let deepest = 256

  /// Borrows `bytes` for as long as it is used.
  init(borrowing bytes: UnsafeBufferPointer<UInt8>, grammar: Grammar = .json) {
    self.bytes = bytes
    self.grammar = grammar
  }

  enum Kind { case object, array, string, number, literal }

  func problem(_ message: String) -> JSONProblem { JSONProblem(offset: offset, message: message) }

  /// What the next value is.
  mutating func kind() throws -> Kind {
    skipSpace()
    guard offset < bytes.count else { throw problem("the text ends where a value is expected") }
    switch bytes[offset] {
    case UInt8(ascii: "{"): return .object
    case UInt8(ascii: "["): return .array
    case UInt8(ascii: "\""): return .string
    case UInt8(ascii: "'") where grammar == .python: return .string
    case UInt8(ascii: "T"), UInt8(ascii: "F"): return .literal
    case UInt8(ascii: "-") where bytes[offset...].starts(with: "-Infinity".utf8): return .literal
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number
    case UInt8(ascii: "t"), UInt8(ascii: "f"), UInt8(ascii: "n"), UInt8(ascii: "N"), UInt8(ascii: "I"): return .literal
    default: throw problem("no JSON value")
    }
  }

  /// Calls `field` with each key; it reads the value, all of it.
  ///
  /// - Parameter hasNames: whether the keys are names, so that what is no text in them is refused.
  mutating func readObject(
    hasNames: Bool = false, _ field: (String, inout JSONCursor) throws -> Void
  ) throws {
    try readMembers(open: UInt8(ascii: "{"), close: UInt8(ascii: "}"), "an object") { cursor in
      let key = try cursor.readString(isExact: hasNames)
      cursor.skipSpace()
      guard cursor.take(UInt8(ascii: ":")) else { throw cursor.problem("no colon after the key \"\(key)\"") }
      try field(key, &cursor)
    }
  }

  /// Calls `element` at each element; it reads it, all of it.
  mutating func readArray(_ element: (inout JSONCursor) throws -> Void) throws {
    try readMembers(open: UInt8(ascii: "["), close: UInt8(ascii: "]"), "an array", element)
  }

  private mutating func readMembers(
    open: UInt8, close: UInt8, _ what: String, _ member: (inout JSONCursor) throws -> Void
  ) throws {
    skipSpace()
    guard take(open) else { throw problem("\(what) is expected") }
    depth += 1
    guard depth <= Self.deepest else { throw problem("nested deeper than \(Self.deepest) levels") }
    skipSpace()
    if !take(close) {
      while true {
        try member(&self)
        skipSpace()
        if take(close) { break }
        guard take(UInt8(ascii: ",")) else {
          throw problem(offset < bytes.count ? "no comma or end of \(what)" : "the text ends within \(what)")
        }
        skipSpace()
      }
    }
    depth -= 1
  }

  /// A whole number. Text of digits counts as one: the published files have both.
  mutating func readInteger() throws -> Int {
    let start = offset
    let text = try kind() == .string ? readString() : try readNumber()
    guard let value = Int(text) ?? Double(text).flatMap({ Int(exactly: $0) }) else {
      throw JSONProblem(offset: start, message: "\(text) is not a whole number")
    }
    return value
  }

  /// The text of a number as it stands.
  mutating func readNumber() throws -> String {
    guard try kind() == .number else { throw problem("a number is expected") }
    let start = offset
    while offset < bytes.count, Self.isPartOfNumber(bytes[offset]) { offset += 1 }
    let text = String(decoding: bytes[start..<offset], as: UTF8.self)
    let digits = text.drop { $0 == "-" }
    let hasNeedlessZero = digits.utf8.count > 1 && digits.hasPrefix("0") && digits.dropFirst().first?.isNumber == true
    guard Double(text) != nil, !hasNeedlessZero, text.last != "." else {
      throw JSONProblem(offset: start, message: "\(text) is not a number")
    }
    return text
  }

  private static func isPartOfNumber(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "."),
      UInt8(ascii: "e"), UInt8(ascii: "E"):
      true
    default: false
    }
  }

  /// Checks the next value and passes over it.
  mutating func skip() throws {
    switch try kind() {
    case .object: try readObject { _, cursor in try cursor.skip() }
    case .array: try readArray { cursor in try cursor.skip() }
    case .string: try skipString()
    case .number: _ = try readNumber()
    case .literal: try skipLiteral()
    }
  }

  private mutating func skipLiteral() throws {
    let words = ["true", "false", "null", "NaN", "Infinity", "-Infinity"]
    let pythons = grammar == .python ? ["True", "False", "None"] : []
    for word in words + pythons where bytes[offset...].starts(with: word.utf8) {
      offset += word.utf8.count
      return
    }
    throw problem("no JSON value")
  }

  /// Throws unless only white space follows.
  mutating func finish() throws {
    skipSpace()
    guard offset == bytes.count else { throw problem("text after the value") }
  }

  mutating func skipSpace() {
    while offset < bytes.count {
      switch bytes[offset] {
      case 0x20, 0x09, 0x0A, 0x0D: offset += 1
      default: return
      }
    }
  }

  private mutating func take(_ byte: UInt8) -> Bool {
    guard offset < bytes.count, bytes[offset] == byte else { return false }
    offset += 1
    return true
  }

  // MARK: - Strings

  private mutating func skipString() throws { _ = try scanString() }

  /// The bytes between the next quotes, and whether one of them is an escape.
  private mutating func scanString() throws -> (content: Range<Int>, hasEscapes: Bool) {
    skipSpace()
    let quote =
      grammar == .python && offset < bytes.count && bytes[offset] == UInt8(ascii: "'") ? "'" : "\"" as Unicode.Scalar
    guard take(UInt8(ascii: quote)) else { throw problem("a string is expected") }
    let start = offset
    var hasEscapes = false
    while offset < bytes.count {
      switch bytes[offset] {
      case UInt8(ascii: quote):
        offset += 1
        return (start..<offset - 1, hasEscapes)
      case UInt8(ascii: "\\"):
        hasEscapes = true
        offset += 2
      case 0..<0x20: throw problem("a control character within a string")
      default: offset += 1
      }
    }
    offset = bytes.count
    throw problem("the text ends within a string")
  }

  /// - Parameter isExact: whether half of a surrogate pair is refused, and not replaced by U+FFFD.
  mutating func readString(isExact: Bool = false) throws -> String {
    let (content, hasEscapes) = try scanString()
    let text = UnsafeBufferPointer(rebasing: bytes[content])
    guard hasEscapes else { return try JSONEscapes.text(text, offset: content.lowerBound) }
    switch grammar {
    case .json: return try JSONEscapes.decoded(text, offset: content.lowerBound, isExact: isExact)
    case .python: return try PythonEscapes.decoded(text, offset: content.lowerBound, isExact: isExact)
    }
  }
}
