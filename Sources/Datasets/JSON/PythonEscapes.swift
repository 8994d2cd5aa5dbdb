// SPDX-License-Identifier: Apache-2.0

/// The escapes within Python's string literals.
///
/// - Source: The Python Language Reference, "String and Bytes literals". `\\N{…}` is refused; `repr` never writes it.
enum PythonEscapes {
  /// `content`, what stands between the quotes, with its escapes replaced, as Python 3 reads it: `\\xe9` is the character U+00E9.
  ///
  /// - Parameter isExact: whether half of a surrogate pair is refused, and not replaced by U+FFFD.
  static func decoded(
    _ content: UnsafeBufferPointer<UInt8>, offset: Int, isExact: Bool
  ) throws -> String {
    var out: [UInt8] = []
    out.reserveCapacity(content.count)
    var index = 0
    while index < content.count {
      guard content[index] == UInt8(ascii: "\\") else {
        out.append(content[index])
        index += 1
        continue
      }
      let start = index
      guard index + 1 < content.count else { throw JSONProblem(offset: offset + index, message: "a bad escape") }
      let letter = content[index + 1]
      index += 2
      if let byte = simple(letter) {
        out.append(byte)
      } else if let digits = digits(letter) {
        guard let value = number(content, at: &index, digits),
          let scalar = Unicode.Scalar(value) ?? replacement(value, isExact)
        else { throw JSONProblem(offset: offset + start, message: "a bad escape") }
        out.append(contentsOf: Character(scalar).utf8)
      } else if UInt8(ascii: "0")...UInt8(ascii: "7") ~= letter {
        index -= 1
        out.append(contentsOf: Character(octal(content, at: &index)).utf8)
      } else {
        guard letter != UInt8(ascii: "N") else {
          throw JSONProblem(offset: offset + start, message: "a character by its name, which is not read")
        }
        // Python leaves both characters of an escape that it does not know.
        out += [UInt8(ascii: "\\"), letter]
      }
    }
    return try JSONEscapes.text(out, offset: offset)
  }

  private static func replacement(_ value: UInt32, _ isExact: Bool) -> Unicode.Scalar? {
    0xD800...0xDFFF ~= value && !isExact ? "\u{FFFD}" : nil
  }

  private static func simple(_ letter: UInt8) -> UInt8? {
    switch letter {
    case UInt8(ascii: "'"), UInt8(ascii: "\""), UInt8(ascii: "\\"): letter
    case UInt8(ascii: "a"): 0x07
    case UInt8(ascii: "b"): 0x08
    case UInt8(ascii: "f"): 0x0C
    case UInt8(ascii: "n"): 0x0A
    case UInt8(ascii: "r"): 0x0D
    case UInt8(ascii: "t"): 0x09
    case UInt8(ascii: "v"): 0x0B
    default: nil
    }
  }

  /// How many hexadecimal digits follow.
  private static func digits(_ letter: UInt8) -> Int? {
    switch letter {
    case UInt8(ascii: "x"): 2
    case UInt8(ascii: "u"): 4
    case UInt8(ascii: "U"): 8
    default: nil
    }
  }

  private static func number(_ content: UnsafeBufferPointer<UInt8>, at index: inout Int, _ count: Int) -> UInt32? {
    let digits = content[min(index, content.count)..<min(index + count, content.count)]
    guard digits.count == count, digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }) else { return nil }
    index += count
    return UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
  }

  /// One to three digits.
  private static func octal(_ content: UnsafeBufferPointer<UInt8>, at index: inout Int) -> Unicode.Scalar {
    var value: UInt32 = 0
    for _ in 0..<3 {
      guard index < content.count, UInt8(ascii: "0")...UInt8(ascii: "7") ~= content[index] else { break }
      value = value * 8 + UInt32(content[index] - UInt8(ascii: "0"))
      index += 1
    }
    // At most 0o777, which is a character.
    return Unicode.Scalar(value) ?? "\u{FFFD}"
  }
}
