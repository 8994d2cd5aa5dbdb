// SPDX-License-Identifier: Apache-2.0

import Foundation

/// BERT's normaliser: what becomes of a text before it is split into words.
///
/// - Source: Devlin et al. 2019, code of the paper; Hugging Face tokenizers' `BertNormalizer`.
struct WordPieceNormalizer: Sendable, Equatable {
  /// Drops controls and makes every white space a space.
  var cleansText = true
  /// Puts spaces around ideographs.
  var separatesChinese = true
  var stripsAccents = true
  var lowercases = true

  func normalised(_ text: some Collection<Unicode.Scalar>) -> [Unicode.Scalar] {
    var scalars: [Unicode.Scalar] = []
    scalars.reserveCapacity(text.count)
    var isASCII = true
    for scalar in text {
      if scalar.isASCII {
        appendASCII(scalar, to: &scalars)
      } else {
        isASCII = false
        append(scalar, to: &scalars)
      }
    }
    if isASCII { return scalars }
    if stripsAccents { scalars = Self.decomposed(scalars).filter { !WordPieceCharacters.isNonspacingMark($0) } }
    // Letter by letter: a sigma at a word's end is like any other.
    return lowercases ? scalars.flatMap { $0.properties.lowercaseMapping.unicodeScalars } : scalars
  }

  /// Texts are mostly this: no look at the character's properties is needed.
  private func appendASCII(_ scalar: Unicode.Scalar, to scalars: inout [Unicode.Scalar]) {
    switch scalar.value {
    case 0x09, 0x0A, 0x0D: scalars.append(cleansText ? " " : scalar)
    case 0x00..<0x20, 0x7F: if !cleansText { scalars.append(scalar) }
    case 0x41...0x5A: scalars.append(lowercases ? Unicode.Scalar(UInt8(scalar.value + 0x20)) : scalar)
    default: scalars.append(scalar)
    }
  }

  private func append(_ scalar: Unicode.Scalar, to scalars: inout [Unicode.Scalar]) {
    if cleansText, WordPieceCharacters.isRemoved(scalar) { return }
    if cleansText, WordPieceCharacters.isSpace(scalar) {
      scalars.append(" ")
    } else if separatesChinese, WordPieceCharacters.isChinese(scalar) {
      scalars += [" ", scalar, " "]
    } else {
      scalars.append(scalar)
    }
  }

  private static func decomposed(_ scalars: [Unicode.Scalar]) -> [Unicode.Scalar] {
    var text = String.UnicodeScalarView()
    text.append(contentsOf: scalars)
    return Array(String(text).decomposedStringWithCanonicalMapping.unicodeScalars)
  }
}
