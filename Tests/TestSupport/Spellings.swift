// SPDX-License-Identifier: Apache-2.0

/// Two spellings of one text: other bytes, so other names, though people see the same.
package struct Spellings: Sendable {
  package let one: String
  package let other: String

  package var both: [String] { [one, other] }

  /// Composed and with a combining accent; a Hangul syllable and its letters; a letter and a sign that stands for it; and with
  /// a variation selector, which Swift tells apart as well.
  package static let all = [
    Spellings(one: "caf\u{E9}", other: "cafe\u{301}"),
    Spellings(one: "\u{D55C}", other: "\u{1112}\u{1161}\u{11AB}"),
    Spellings(one: "\u{C5}", other: "\u{212B}"),
    Spellings(one: "\u{2764}", other: "\u{2764}\u{FE0F}"),
  ]
}
