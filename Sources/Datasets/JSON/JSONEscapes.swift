// SPDX-License-Identifier: Apache-2.0

/// The escapes within JSON strings.
enum JSONEscapes {
  /// `content`, what stands between the quotes, with its escapes replaced. A lone half of a surrogate pair becomes
  /// U+FFFD: scraped product texts have them. It is refused where `isExact`: in a name it would make another name.
  static func decoded(
    _ content: UnsafeBufferPointer<UInt8>, offset: Int, isExact: Bool = false
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
      guard index + 1 < content.count else { throw JSONProblem(offset: offset + index, message: "a bad escape") }
      if content[index + 1] == UInt8(ascii: "u") {
        let start = index
        guard let scalar = try scalar(in: content, at: &index, offset: offset) ?? (isExact ? nil : "\u{FFFD}") else {
          throw JSONProblem(offset: offset + start, message: "half of a surrogate pair, which is no text")
        }
        out.append(contentsOf: Character(scalar).utf8)
      } else {
        guard let byte = simple(content[index + 1]) else {
          throw JSONProblem(offset: offset + index, message: "a bad escape")
        }
        out.append(byte)
        index += 2
      }
    }
    return try text(out, offset: offset)
  }

  /// Bytes as text. Those that are none are refused: in another encoding they would make other words of those that it holds.
  static func text(_ bytes: some Collection<UInt8>, offset: Int) throws -> String {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw JSONProblem(
        offset: offset, message: "bytes that are no UTF-8 text; save the file as UTF-8", isEncoding: true)
    }
    return text
  }

  private static func simple(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): byte
    case UInt8(ascii: "b"): 0x08
    case UInt8(ascii: "f"): 0x0C
    case UInt8(ascii: "n"): 0x0A
    case UInt8(ascii: "r"): 0x0D
    case UInt8(ascii: "t"): 0x09
    default: nil
    }
  }

  /// The character of one `\uXXXX`, or of two that are a surrogate pair; nil for half of a pair.
  private static func scalar(
    in content: UnsafeBufferPointer<UInt8>, at index: inout Int, offset: Int
  ) throws -> Unicode.Scalar? {
    let high = try unit(in: content, at: index, offset: offset)
    index += 6
    guard 0xD800...0xDBFF ~= high, index + 1 < content.count, content[index] == UInt8(ascii: "\\"),
      content[index + 1] == UInt8(ascii: "u")
    else { return Unicode.Scalar(high) }
    let low = try unit(in: content, at: index, offset: offset)
    guard 0xDC00...0xDFFF ~= low else { return nil }
    index += 6
    return Unicode.Scalar(0x10000 + (high - 0xD800) << 10 + (low - 0xDC00))
  }

  private static func unit(in content: UnsafeBufferPointer<UInt8>, at index: Int, offset: Int) throws -> UInt32 {
    let digits = content[min(index + 2, content.count)..<min(index + 6, content.count)]
    guard digits.count == 4, digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
      let value = UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
    else { throw JSONProblem(offset: offset + index, message: "a bad \\u escape") }
    return value
  }
}
