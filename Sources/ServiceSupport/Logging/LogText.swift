// SPDX-License-Identifier: Apache-2.0

import Basics

/// How others' text gets into a log: what could end a line, move a cursor or turn the order of what is read is written as an escape.
/// By code points: a quote with an accent on it is a quote to whoever reads the line.
enum LogText {
  /// In a line of text, between quotes or without.
  static func escaped(_ text: String, inQuotes: Bool = false) -> String {
    escaped(text) { scalar in
      switch scalar {
      case "\"" where inQuotes: "\\\""
      case "\\" where inQuotes: "\\\\"
      default: VisibleText.isActive(scalar) ? short(scalar) ?? "\\u{\(String(scalar.value, radix: 16))}" : nil
      }
    }
  }

  /// As a string of JSON, with its quotes.
  static func json(_ text: String) -> String {
    let inner = escaped(text) { scalar in
      switch scalar {
      case "\"": "\\\""
      case "\\": "\\\\"
      default: VisibleText.isActive(scalar) ? short(scalar) ?? VisibleText.jsonEscape(of: scalar) : nil
      }
    }
    return "\"\(inner)\""
  }

  private static func escaped(_ text: String, _ escape: (Unicode.Scalar) -> String?) -> String {
    guard text.utf8.contains(where: { $0 < 0x20 || $0 == 0x22 || $0 == 0x5C || $0 >= 0x7F }) else { return text }
    var out = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      if let escaped = escape(scalar) { out.append(contentsOf: escaped.unicodeScalars) } else { out.append(scalar) }
    }
    return String(out)
  }

  private static func short(_ scalar: Unicode.Scalar) -> String? {
    switch scalar {
    case "\n": "\\n"
    case "\r": "\\r"
    case "\t": "\\t"
    default: nil
    }
  }
}
