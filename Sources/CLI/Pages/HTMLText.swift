// SPDX-License-Identifier: Apache-2.0

import Mustache

/// How values get into a page: as text, whatever they hold.
///
/// The library's own escaping goes by characters as a reader sees them, and a quote with an accent on it is another character than a
/// quote. A browser reads code points. So this one goes by bytes: what has a meaning in HTML is ASCII, whose bytes stand for
/// nothing else in UTF-8.
struct HTMLText: MustacheContentType {
  func escapeText(_ text: String) -> String { Self.escaped(text) }

  static func escaped(_ text: String) -> String {
    guard text.utf8.contains(where: { isSpecial[Int($0)] }) else { return text }
    var out: [UInt8] = []
    out.reserveCapacity(text.utf8.count + 64)
    var previous: UInt8 = 0
    for byte in text.utf8 {
      // C2 80 to C2 9F are the controls of C1: the C2 is already written.
      if previous == 0xC2, byte < 0xA0 {
        out.removeLast()
        out += replacement
      } else {
        append(byte, to: &out)
      }
      previous = byte
    }
    return String(decoding: out, as: UTF8.self)
  }

  private static func append(_ byte: UInt8, to out: inout [UInt8]) {
    switch byte {
    case UInt8(ascii: "&"): out += Array("&amp;".utf8)
    case UInt8(ascii: "<"): out += Array("&lt;".utf8)
    case UInt8(ascii: ">"): out += Array("&gt;".utf8)
    case UInt8(ascii: "\""): out += Array("&quot;".utf8)
    case UInt8(ascii: "'"): out += Array("&#39;".utf8)
    case UInt8(ascii: "\t"), UInt8(ascii: "\n"): out.append(byte)
    case 0..<0x20, 0x7F: out += replacement
    default: out.append(byte)
    }
  }

  /// U+FFFD, in place of controls: HTML has none but white space.
  private static let replacement = Array("\u{FFFD}".utf8)

  private static let isSpecial: [Bool] = (0...UInt8.max).map { byte in
    byte < 0x20 || byte == 0x7F || byte == 0xC2 || "&<>\"'".utf8.contains(byte)
  }
}
