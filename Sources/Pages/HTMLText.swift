// SPDX-License-Identifier: Apache-2.0

import Basics
import Mustache

/// How values get into a page: as text, whatever they hold.
///
/// The library's own escaping goes by characters as a reader sees them, and a quote with an accent on it is another character than a
/// quote. A browser reads code points. So this one goes by code points, too. What turns the writing around stands there as its number,
/// as in a terminal: a reason must not show itself as another one.
package struct HTMLText: MustacheContentType {
  package func escapeText(_ text: String) -> String { Self.escaped(text) }

  package static func escaped(_ text: String) -> String {
    guard text.utf8.contains(where: { mayBeSpecial[Int($0)] }) else { return text }
    var out = String.UnicodeScalarView()
    out.reserveCapacity(text.utf8.count + 64)
    for scalar in text.unicodeScalars {
      if let escape = escape(of: scalar) { out.append(contentsOf: escape.unicodeScalars) } else { out.append(scalar) }
    }
    return String(out)
  }

  /// Nil for what stands for itself.
  private static func escape(of scalar: Unicode.Scalar) -> String? {
    switch scalar {
    case "&": "&amp;"
    case "<": "&lt;"
    case ">": "&gt;"
    case "\"": "&quot;"
    case "'": "&#39;"
    case "\t", "\n": nil
    case _ where VisibleText.turnsWriting(scalar): VisibleText.number(of: scalar)
    // HTML has no controls but white space.
    case _ where VisibleText.isActive(scalar): "\u{FFFD}"
    default: nil
    }
  }

  /// Bytes that UTF-8 begins such code points with: C2 those of C1, D8 and E2 what turns the writing around.
  private static let mayBeSpecial: [Bool] = (0...UInt8.max).map { byte in
    byte < 0x20 || byte == 0x7F || [0xC2, 0xD8, 0xE2].contains(byte) || "&<>\"'".utf8.contains(byte)
  }
}
