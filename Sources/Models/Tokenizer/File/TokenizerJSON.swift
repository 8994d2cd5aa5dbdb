// SPDX-License-Identifier: Apache-2.0

/// A value of `tokenizer.json`.
///
/// Texts are bytes: the vocabulary's pieces are told apart byte for byte, where Swift's String and Foundation's decoder take two
/// spellings of one accent for one. Members keep their order, and one that stands twice is found by who looks for it.
enum TokenizerJSON: Sendable {
  case null
  case bool(Bool)
  case number(Double)
  case text([UInt8])
  case array([TokenizerJSON])
  case object([(name: [UInt8], value: TokenizerJSON)])

  /// What is wrong with the text, and where.
  struct Problem: Error {
    let offset: Int
    let message: String
  }

  init(parsing bytes: UnsafeBufferPointer<UInt8>) throws(Problem) {
    var parser = TokenizerJSONParser(bytes: bytes)
    self = try parser.whole()
  }

  /// For messages.
  var kind: String {
    switch self {
    case .null: "null"
    case .bool(let value): "\(value)"
    case .number(let value): value == value.rounded() && abs(value) < 1e15 ? "\(Int(value))" : "\(value)"
    case .text(let bytes): "\"\(String(decoding: bytes.prefix(200), as: UTF8.self))\""
    case .array: "a list"
    case .object: "an object"
    }
  }
}

/// RFC 8259 over bytes that are known to be UTF-8.
private struct TokenizerJSONParser {
  let bytes: UnsafeBufferPointer<UInt8>
  private var place = 0
  private var depth = 0

  private static let deepest = 64

  init(bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

  private func problem(_ message: String) -> TokenizerJSON.Problem { .init(offset: place, message: message) }

  mutating func whole() throws(TokenizerJSON.Problem) -> TokenizerJSON {
    let value = try value()
    skipSpace()
    guard place == bytes.count else { throw problem("text after the value") }
    return value
  }

  private mutating func skipSpace() {
    while place < bytes.count, [0x20, 0x0A, 0x0D, 0x09].contains(bytes[place]) { place += 1 }
  }

  private mutating func take(_ byte: Character) -> Bool {
    guard place < bytes.count, bytes[place] == byte.asciiValue else { return false }
    place += 1
    return true
  }

  private mutating func value() throws(TokenizerJSON.Problem) -> TokenizerJSON {
    skipSpace()
    guard place < bytes.count else { throw problem("the text ends where a value is expected") }
    switch bytes[place] {
    case UInt8(ascii: "\""): return .text(try text())
    case UInt8(ascii: "["): return .array(try array())
    case UInt8(ascii: "{"): return .object(try object())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    default: return .number(try number())
    }
  }

  private mutating func word(_ word: String, _ value: TokenizerJSON) throws(TokenizerJSON.Problem) -> TokenizerJSON {
    guard bytes[place...].starts(with: word.utf8) else { throw problem("no JSON value") }
    place += word.utf8.count
    return value
  }

  private mutating func number() throws(TokenizerJSON.Problem) -> Double {
    let start = place
    while place < bytes.count, "+-.0123456789eE".utf8.contains(bytes[place]) { place += 1 }
    let text = String(decoding: bytes[start..<place], as: UTF8.self)
    guard place > start, Double(text)?.isFinite == true, let value = Self.decimal(text) else {
      throw problem("no JSON value")
    }
    return value
  }

  /// A number as Hugging Face's tokenizers reads it: the digits that have a place in 64 bits, as a floating-point number, times or divided by a
  /// power of ten. That may be a unit in the last place beside the nearest number, and of two cuts of a text with almost equal scores
  /// it is this that decides.
  ///
  /// - Source: serde_json's `f64_from_parts`.
  private static func decimal(_ text: String) -> Double? {
    let parts = text.split(omittingEmptySubsequences: false) { $0 == "e" || $0 == "E" }
    guard let mantissa = parts.first, let power = parts.count > 1 ? Int(parts[1]) : 0 else { return nil }
    // Far beyond what a number can have, and no sum with its digits overflows.
    var exponent = min(max(power, -mostExponent), mostExponent)
    var (digits, isFraction, isFull): (UInt64, Bool, Bool) = (0, false, false)
    for character in mantissa.utf8 where character != UInt8(ascii: "-") {
      guard character != UInt8(ascii: ".") else {
        isFraction = true
        continue
      }
      let (product, overflow) = digits.multipliedReportingOverflow(by: 10)
      let (sum, carry) = product.addingReportingOverflow(UInt64(character &- UInt8(ascii: "0")))
      isFull = isFull || overflow || carry
      if !isFull { digits = sum }
      if isFull && !isFraction { exponent += 1 }
      if !isFull && isFraction { exponent -= 1 }
    }
    guard (-600...308).contains(exponent) else { return Double(text) }
    var value = Double(digits)
    if exponent < -308 { (value, exponent) = (value / 1e308, exponent + 308) }
    value = exponent >= 0 ? value * Self.power(exponent) : value / Self.power(-exponent)
    return mantissa.hasPrefix("-") ? -value : value
  }

  private static let mostExponent = 1 << 40

  /// 10 to the power of `exponent`, up to 308, correctly rounded.
  private static func power(_ exponent: Int) -> Double { Double("1e\(exponent)") ?? .infinity }

  private mutating func enter() throws(TokenizerJSON.Problem) {
    place += 1
    depth += 1
    guard depth <= Self.deepest else { throw problem("nested deeper than \(Self.deepest) levels") }
    skipSpace()
  }

  private mutating func array() throws(TokenizerJSON.Problem) -> [TokenizerJSON] {
    var elements: [TokenizerJSON] = []
    try enter()
    defer { depth -= 1 }
    if take("]") { return elements }
    while true {
      elements.append(try value())
      skipSpace()
      if take("]") { return elements }
      guard take(",") else { throw problem("no comma or end of a list") }
    }
  }

  private mutating func object() throws(TokenizerJSON.Problem) -> [(name: [UInt8], value: TokenizerJSON)] {
    var members: [(name: [UInt8], value: TokenizerJSON)] = []
    try enter()
    defer { depth -= 1 }
    if take("}") { return members }
    while true {
      skipSpace()
      guard place < bytes.count, bytes[place] == UInt8(ascii: "\"") else { throw problem("a name is expected") }
      let name = try text()
      skipSpace()
      guard take(":") else { throw problem("no colon after a name") }
      members.append((name, try value()))
      skipSpace()
      if take("}") { return members }
      guard take(",") else { throw problem("no comma or end of an object") }
    }
  }

  private mutating func text() throws(TokenizerJSON.Problem) -> [UInt8] {
    place += 1
    var start = place
    var result: [UInt8] = []
    while place < bytes.count {
      switch bytes[place] {
      case UInt8(ascii: "\""):
        result += bytes[start..<place]
        place += 1
        return result
      case UInt8(ascii: "\\"):
        result += bytes[start..<place]
        result += try escape()
        start = place
      case 0..<0x20: throw problem("a control character in a text")
      default: place += 1
      }
    }
    throw problem("the text ends within a text")
  }

  private mutating func escape() throws(TokenizerJSON.Problem) -> [UInt8] {
    place += 2
    guard place <= bytes.count else { throw problem("the text ends within a text") }
    switch bytes[place - 1] {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [bytes[place - 1]]
    case UInt8(ascii: "b"): return [0x08]
    case UInt8(ascii: "f"): return [0x0C]
    case UInt8(ascii: "n"): return [0x0A]
    case UInt8(ascii: "r"): return [0x0D]
    case UInt8(ascii: "t"): return [0x09]
    case UInt8(ascii: "u"): break
    default: throw problem("an escape that JSON does not know")
    }
    var units = [try unit()]
    if UTF16.isLeadSurrogate(units[0]), take("\\"), take("u") { units.append(try unit()) }
    guard let text = String(validating: units, as: UTF16.self) else { throw problem("half of a surrogate pair") }
    return Array(text.utf8)
  }

  private mutating func unit() throws(TokenizerJSON.Problem) -> UInt16 {
    guard place + 4 <= bytes.count,
      bytes[place..<place + 4].allSatisfy({ $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "-") }),
      let unit = UInt16(String(decoding: bytes[place..<place + 4], as: UTF8.self), radix: 16)
    else { throw problem("an escape that JSON does not know") }
    place += 4
    return unit
  }
}
