// SPDX-License-Identifier: Apache-2.0

/// What BERT's normaliser and its splitting ask of a character.
///
/// Hugging Face's tokenizers know the general categories of Unicode 8; characters that came later are letters to them. So a
/// category counts when the character is at least that old, except for the few that changed theirs since.
enum WordPieceCharacters {
  /// Dropped: controls, formats, private use, and U+FFFD.
  static func isRemoved(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar {
    case "\t", "\n", "\r": false
    case "\u{FFFD}": true
    default:
      switch scalar.properties.generalCategory {
      case .control, .format, .privateUse: isOld(scalar)
      default: false
      }
    }
  }

  static func isSpace(_ scalar: Unicode.Scalar) -> Bool { scalar.properties.isWhitespace }

  /// A word of its own: punctuation, and every ASCII character that is neither letter nor digit.
  static func isPunctuation(_ scalar: Unicode.Scalar) -> Bool {
    if scalar.isASCII { return asciiPunctuation.contains(scalar.value) }
    switch scalar.properties.generalCategory {
    case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
      .finalPunctuation, .otherPunctuation:
      return isOld(scalar)
    default: return scalar == "\u{166D}" || scalar == "\u{111C9}"
    }
  }

  /// An accent, in decomposed text.
  static func isNonspacingMark(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x1734, 0x1171E: true
    case 0x1885, 0x1886, 0xA9BD, 0x111C9: false
    default: scalar.properties.generalCategory == .nonspacingMark && isOld(scalar)
    }
  }

  /// A word of its own: the CJK ideographs, without the blocks of kana and Hangul.
  static func isChinese(_ scalar: Unicode.Scalar) -> Bool { ideographs.contains { $0.contains(scalar.value) } }

  private static let asciiPunctuation = Set("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~".unicodeScalars.map(\.value))

  /// Those of BERT's own code, but for extension E, which starts 0x100 late in Hugging Face's.
  private static let ideographs: [ClosedRange<UInt32>] = [
    0x4E00...0x9FFF, 0x3400...0x4DBF, 0x20000...0x2A6DF, 0x2A700...0x2B73F, 0x2B740...0x2B81F, 0x2B920...0x2CEAF,
    0xF900...0xFAFF, 0x2F800...0x2FA1F,
  ]

  private static func isOld(_ scalar: Unicode.Scalar) -> Bool { (scalar.properties.age?.major ?? .max) <= 8 }
}
