// SPDX-License-Identifier: Apache-2.0

/// Text from elsewhere as a terminal may be given it: what would move the cursor, set colours or turn the writing around stands
/// there as its number, so that two names that differ in it look different.
package enum VisibleText {
  package static func of(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: isActive) else { return text }
    var shown = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      if isActive(scalar) {
        shown.append(contentsOf: number(of: scalar).unicodeScalars)
      } else {
        shown.append(scalar)
      }
    }
    return String(shown)
  }

  /// "\u{202E}"
  package static func number(of scalar: Unicode.Scalar) -> String {
    "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
  }

  /// "\u202e", in a string of JSON. For what is active, all of which lies in Unicode's basic plane.
  package static func jsonEscape(of scalar: Unicode.Scalar) -> String {
    let digits = String(scalar.value, radix: 16)
    return "\\u" + String(repeating: "0", count: max(0, 4 - digits.utf8.count)) + digits
  }

  /// Controls of C0 and C1, and what turns the writing around.
  package static func isActive(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0...0x1F, 0x7F...0x9F: true
    default: turnsWriting(scalar)
    }
  }

  /// Separators of lines and paragraphs, and what changes the direction of the text around it (UAX #9).
  package static func turnsWriting(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x61C, 0x200E...0x200F, 0x2028...0x202E, 0x2066...0x2069: true
    default: false
    }
  }
}
