// SPDX-License-Identifier: Apache-2.0

import Basics

/// Lays out JSON for reading: two spaces per level, one value per line.
///
/// Works on the text, so that numbers stay as they were written. In strings, what a terminal would act on is escaped, which is the same
/// value to whoever reads JSON.
enum IndentedJSON {
  /// - Parameter json: valid JSON without white space outside strings.
  static func text(_ json: some Sequence<UInt8>) -> String {
    escapingActive(laidOut(json))
  }

  /// JSON has such code points in strings alone.
  private static func escapingActive(_ text: String) -> String {
    let isActive = { (scalar: Unicode.Scalar) in scalar != "\n" && VisibleText.isActive(scalar) }
    guard text.unicodeScalars.contains(where: isActive) else { return text }
    var out = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      guard isActive(scalar) else {
        out.append(scalar)
        continue
      }
      out.append(contentsOf: VisibleText.jsonEscape(of: scalar).unicodeScalars)
    }
    return String(out)
  }

  private static func laidOut(_ json: some Sequence<UInt8>) -> String {
    var out: [UInt8] = []
    var depth = 0
    var inString = false
    var isEscaped = false
    var pendingOpen = false
    func newline() {
      out.append(UInt8(ascii: "\n"))
      out.append(contentsOf: repeatElement(UInt8(ascii: " "), count: 2 * depth))
    }
    for byte in json {
      if inString {
        out.append(byte)
        if isEscaped {
          isEscaped = false
        } else if byte == UInt8(ascii: "\\") {
          isEscaped = true
        } else if byte == UInt8(ascii: "\"") {
          inString = false
        }
        continue
      }
      let closes = byte == UInt8(ascii: "}") || byte == UInt8(ascii: "]")
      if closes { depth -= 1 }
      if pendingOpen, !closes { newline() }
      if closes, !pendingOpen { newline() }
      pendingOpen = false
      out.append(byte)
      switch byte {
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        depth += 1
        pendingOpen = true
      case UInt8(ascii: ","): newline()
      case UInt8(ascii: ":"): out.append(UInt8(ascii: " "))
      case UInt8(ascii: "\""): inString = true
      default: break
      }
    }
    return String(decoding: out, as: UTF8.self)
  }
}
