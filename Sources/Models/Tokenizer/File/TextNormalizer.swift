// SPDX-License-Identifier: Apache-2.0

import Foundation

/// What becomes of a text before it is cut into words, step after step, as Hugging Face's tokenizers does it.
struct TextNormalizer: Sendable {
  enum Step: Sendable {
    case form(Form)
    case lowercase
    case strip(left: Bool, right: Bool)
    case stripAccents
    case prepend([UInt8])
    case replace([UInt8], by: [UInt8])
    /// Two spaces or more in a row.
    case replaceSpaces(by: [UInt8])
    case precompiled(CharacterMap)
  }

  /// Unicode's normalization forms.
  enum Form: String, Sendable { case nfc = "NFC", nfd = "NFD", nfkc = "NFKC", nfkd = "NFKD" }

  var steps: [Step] = []

  var isEmpty: Bool { steps.isEmpty }

  func normalised(_ text: MarkedText) -> MarkedText { steps.reduce(text) { $1.applied(to: $0) } }
}

extension TextNormalizer.Step {
  func applied(to text: MarkedText) -> MarkedText {
    guard !text.bytes.isEmpty else { return text }
    var rewriter = MarkedTextRewriter(text)
    switch self {
    case .form(let form):
      guard text.bytes.contains(where: { $0 >= 0x80 }) else { return text }
      text.bytes.withUnsafeBufferPointer { form.write($0, to: &rewriter) }
    case .lowercase: text.bytes.withUnsafeBufferPointer { Self.lowercase($0, to: &rewriter) }
    case .strip(let left, let right): return Self.stripped(text, left: left, right: right)
    case .stripAccents: text.bytes.withUnsafeBufferPointer { Self.dropMarks($0, to: &rewriter) }
    case .prepend(let prefix):
      rewriter.replace(0..<0, by: prefix)
      rewriter.copy(0..<text.bytes.count)
    case .replace(let pattern, let content): Self.replace(pattern, by: content, text.bytes, to: &rewriter)
    case .replaceSpaces(let content): Self.replaceSpaces(by: content, text.bytes, to: &rewriter)
    case .precompiled(let map): map.write(text.bytes, to: &rewriter)
    }
    return rewriter.result
  }

  private static func lowercase(_ bytes: UnsafeBufferPointer<UInt8>, to rewriter: inout MarkedTextRewriter) {
    var place = 0
    while place < bytes.count {
      let (value, length) = UTF8Reading.scalar(bytes, place)
      let range = place..<place + length
      if value < 0x80 {
        rewriter.replace(range, by: CollectionOfOne((0x41...0x5A).contains(value) ? UInt8(value) + 0x20 : UInt8(value)))
      } else if let scalar = Unicode.Scalar(value) {
        // Letter by letter: a sigma at a word's end is like any other. The tokenizer's letters are those of Unicode 16.
        let isKnown = (scalar.properties.age?.major ?? .max) <= 16
        if isKnown {
          rewriter.replace(range, by: scalar.properties.lowercaseMapping.utf8)
        } else {
          rewriter.copy(range)
        }
      }
      place += length
    }
  }

  private static func dropMarks(_ bytes: UnsafeBufferPointer<UInt8>, to rewriter: inout MarkedTextRewriter) {
    var place = 0
    while place < bytes.count {
      let (scalar, length) = UTF8Reading.scalar(bytes, place)
      if UnicodeClasses.shared[scalar] & UnicodeClasses.mark == 0 { rewriter.copy(place..<place + length) }
      place += length
    }
  }

  private static func stripped(_ text: MarkedText, left: Bool, right: Bool) -> MarkedText {
    text.bytes.withUnsafeBufferPointer { bytes in
      func isSpace(_ place: Int) -> Bool {
        UnicodeClasses.shared[UTF8Reading.scalar(bytes, place).value] & UnicodeClasses.space != 0
      }
      var (start, end) = (0, bytes.count)
      while left, start < end, isSpace(start) { start += UTF8Reading.scalar(bytes, start).length }
      while right, end > start, isSpace(UTF8Reading.before(bytes, end)) { end = UTF8Reading.before(bytes, end) }
      return text[start..<end]
    }
  }

  private static func replace(
    _ pattern: [UInt8], by content: [UInt8], _ bytes: [UInt8], to rewriter: inout MarkedTextRewriter
  ) {
    var (start, place) = (0, 0)
    while place + pattern.count <= bytes.count {
      guard bytes[place] == pattern[0], bytes[place..<place + pattern.count].elementsEqual(pattern) else {
        place += 1
        continue
      }
      rewriter.copy(start..<place)
      rewriter.replace(place..<place + pattern.count, by: content)
      place += pattern.count
      start = place
    }
    rewriter.copy(start..<bytes.count)
  }

  private static func replaceSpaces(
    by content: [UInt8], _ bytes: [UInt8], to rewriter: inout MarkedTextRewriter
  ) {
    var (start, place) = (0, 0)
    while place < bytes.count {
      var end = place
      while end < bytes.count, bytes[end] == 0x20 { end += 1 }
      if end - place > 1 {
        rewriter.copy(start..<place)
        rewriter.replace(place..<end, by: content)
        start = end
      }
      place = max(end, place + 1)
    }
    rewriter.copy(start..<bytes.count)
  }
}

extension TextNormalizer.Form {
  private var mask: UInt8 {
    switch self {
    case .nfc: UnicodeClasses.movesInNFC
    case .nfd: UnicodeClasses.movesInNFD
    case .nfkc: UnicodeClasses.movesInNFKC
    case .nfkd: UnicodeClasses.movesInNFKD
    }
  }

  private func normalised(_ text: String) -> String {
    switch self {
    case .nfc: Self.composed(text.decomposedStringWithCanonicalMapping)
    case .nfd: text.decomposedStringWithCanonicalMapping
    case .nfkc: Self.composed(text.decomposedStringWithCompatibilityMapping)
    case .nfkd: text.decomposedStringWithCompatibilityMapping
    }
  }

  /// The compositions of decomposed text. No character beyond U+1FFFF is part of one, and Swift 6.3 takes such for the one that has
  /// the same lower 17 bits, so that it gets the text between them alone.
  private static func composed(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: { $0.value > 0x1FFFF }) else {
      return text.precomposedStringWithCanonicalMapping
    }
    var (result, rest) = ("", "")
    for scalar in text.unicodeScalars {
      guard scalar.value > 0x1FFFF else {
        rest.unicodeScalars.append(scalar)
        continue
      }
      result += rest.precomposedStringWithCanonicalMapping
      result.unicodeScalars.append(scalar)
      rest = ""
    }
    return result + rest.precomposedStringWithCanonicalMapping
  }

  /// Only characters that may move, with the one before them, are given to the system's normalisation: it knows characters that the
  /// tokenizer's does not, which move by none of its rules.
  fileprivate func write(_ bytes: UnsafeBufferPointer<UInt8>, to rewriter: inout MarkedTextRewriter) {
    let (masks, mask) = (UnicodeClasses.shared.masks, mask)
    // What is written ends at `start`; the last character that stays begins at `last`.
    var (start, last, place) = (0, 0, 0)
    while place < bytes.count {
      let (scalar, length) = UTF8Reading.scalar(bytes, place)
      guard masks[Int(scalar)] & mask != 0 else {
        last = place
        place += length
        continue
      }
      var end = place
      while end < bytes.count {
        let (scalar, length) = UTF8Reading.scalar(bytes, end)
        guard masks[Int(scalar)] & mask != 0 else { break }
        end += length
      }
      let first = place > start && last >= start && Self.isKnown(UTF8Reading.scalar(bytes, last).value) ? last : place
      rewriter.copy(start..<first)
      let moved = normalised(String(decoding: bytes[first..<end], as: UTF8.self))
      rewriter.replace(first..<end, by: moved.utf8)
      (start, place, last) = (end, end, end)
    }
    rewriter.copy(start..<bytes.count)
  }

  /// Whether a character can be part of a composition by the tables of the tokenizer's normalisation, which are Unicode 12.1's.
  private static func isKnown(_ value: UInt32) -> Bool {
    guard let age = Unicode.Scalar(value)?.properties.age else { return false }
    return value <= 0x1FFFF && (age.major, age.minor) <= (12, 1)
  }
}
