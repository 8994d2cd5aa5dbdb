// SPDX-License-Identifier: Apache-2.0

/// A pattern that cuts a text into words, compiled by hand: each of the published patterns is a choice between runs of characters of
/// one class, and a look at the next characters decides which.
///
/// - Source: the patterns of GPT-2 (`encoder.py`), of Llama 3's and of Qwen2's `tokenizer.json`.
struct WordPattern: Sendable, Equatable {
  /// Which character may stand before letters and belong to their word.
  enum Lead: Sendable { case space, anythingButLineEnds }

  let name: String
  /// `'S` is an ending as `'s` is.
  let ignoresCase: Bool
  let lead: Lead
  /// Most numbers in a row that are one word; nil for all, with a space before them.
  let digits: Int?
  /// Line ends belong to the signs before them, and white space before a line end to it.
  let keepsLineEnds: Bool

  static let gpt2 = WordPattern(name: "GPT-2", ignoresCase: false, lead: .space, digits: nil, keepsLineEnds: false)
  static let llama3 = WordPattern(
    name: "Llama 3", ignoresCase: true, lead: .anythingButLineEnds, digits: 3, keepsLineEnds: true)
  static let qwen2 = WordPattern(
    name: "Qwen2", ignoresCase: true, lead: .anythingButLineEnds, digits: 1, keepsLineEnds: true)

  /// As tokenizers' files spell them.
  private static let known: [String: WordPattern] = [
    #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#: .gpt2,
    #"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#: .gpt2,
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#:
      .llama3,
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#:
      .qwen2,
  ]

  static var knownNames: String { "GPT-2, Llama 3 and Qwen2" }

  /// The pattern that a file spells so; nil when it is none of those.
  static func spelled(_ expression: String) -> WordPattern? { known[expression] }

  /// Where the word ends that begins at `start`, which is before the end of `bytes`.
  @inline(__always)
  func end(_ bytes: UnsafeBufferPointer<UInt8>, from start: Int, _ masks: UnsafePointer<UInt8>) -> Int {
    let (first, length) = UTF8Reading.scalar(bytes, start)
    let mask = masks[Int(first)]
    let second = start + length
    if first == 0x27, let ending = endOfEnding(bytes, second) { return ending }
    if mask & UnicodeClasses.letter != 0 { return run(bytes, second, masks, UnicodeClasses.letter) }
    let following = second < bytes.count ? masks[Int(UTF8Reading.scalar(bytes, second).value)] : UnicodeClasses.space
    let isNumber = mask & UnicodeClasses.number != 0
    if following & UnicodeClasses.letter != 0, leads(first, isNumber: isNumber) {
      return run(bytes, second, masks, UnicodeClasses.letter)
    }
    if isNumber { return endOfNumber(bytes, second, masks) }
    let anything = UnicodeClasses.letter | UnicodeClasses.number | UnicodeClasses.space
    if first == 0x20, digits == nil, following & UnicodeClasses.number != 0 { return endOfNumber(bytes, second, masks) }
    if mask & UnicodeClasses.space == 0 || (first == 0x20 && following & anything == 0) {
      return endOfSigns(bytes, second, masks, anything)
    }
    return endOfSpace(bytes, start, second, masks)
  }

  @inline(__always)
  private func leads(_ scalar: UInt32, isNumber: Bool) -> Bool {
    switch lead {
    case .space: scalar == 0x20
    case .anythingButLineEnds: !isNumber && scalar != 0x0A && scalar != 0x0D
    }
  }

  /// Behind the letters of `'s`, `'t`, `'re`, `'ve`, `'m`, `'ll` and `'d`, which begin at `place`.
  private func endOfEnding(_ bytes: UnsafeBufferPointer<UInt8>, _ place: Int) -> Int? {
    guard place < bytes.count else { return nil }
    // The long s, "ſ", is an s to those that ignore case.
    if ignoresCase, bytes[place] == 0xC5, bytes[place + 1] == 0xBF { return place + 2 }
    let letter = ignoresCase ? bytes[place] | 0x20 : bytes[place]
    switch letter {
    case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"): return place + 1
    case UInt8(ascii: "r"), UInt8(ascii: "v"), UInt8(ascii: "l"):
      guard place + 1 < bytes.count else { return nil }
      let next = ignoresCase ? bytes[place + 1] | 0x20 : bytes[place + 1]
      return next == (letter == UInt8(ascii: "l") ? letter : UInt8(ascii: "e")) ? place + 2 : nil
    default: return nil
    }
  }

  /// Behind the characters of a class that follow from `place`.
  @inline(__always)
  private func run(
    _ bytes: UnsafeBufferPointer<UInt8>, _ place: Int, _ masks: UnsafePointer<UInt8>, _ wanted: UInt8
  ) -> Int {
    var place = place
    while place < bytes.count {
      let (scalar, length) = UTF8Reading.scalar(bytes, place)
      guard masks[Int(scalar)] & wanted != 0 else { break }
      place += length
    }
    return place
  }

  private func endOfNumber(
    _ bytes: UnsafeBufferPointer<UInt8>, _ second: Int, _ masks: UnsafePointer<UInt8>
  ) -> Int {
    guard let digits else { return run(bytes, second, masks, UnicodeClasses.number) }
    var place = second
    for _ in 1..<digits {
      guard place < bytes.count else { break }
      let (scalar, length) = UTF8Reading.scalar(bytes, place)
      guard masks[Int(scalar)] & UnicodeClasses.number != 0 else { break }
      place += length
    }
    return place
  }

  private func endOfSigns(
    _ bytes: UnsafeBufferPointer<UInt8>, _ second: Int, _ masks: UnsafePointer<UInt8>, _ anything: UInt8
  ) -> Int {
    var place = second
    while place < bytes.count {
      let (scalar, length) = UTF8Reading.scalar(bytes, place)
      guard masks[Int(scalar)] & anything == 0 else { break }
      place += length
    }
    guard keepsLineEnds else { return place }
    while place < bytes.count, bytes[place] == 0x0A || bytes[place] == 0x0D { place += 1 }
    return place
  }

  /// White space up to its last line end where that counts, else all but its last character, which may lead the next word; all of it
  /// at the end of the text, and where it is one character.
  private func endOfSpace(
    _ bytes: UnsafeBufferPointer<UInt8>, _ start: Int, _ second: Int, _ masks: UnsafePointer<UInt8>
  ) -> Int {
    var (place, last, lineEnd) = (start, start, -1)
    while place < bytes.count {
      let (scalar, length) = UTF8Reading.scalar(bytes, place)
      guard masks[Int(scalar)] & UnicodeClasses.space != 0 else { break }
      last = place
      place += length
      if scalar == 0x0A || scalar == 0x0D { lineEnd = place }
    }
    if keepsLineEnds, lineEnd >= 0 { return lineEnd }
    return place == bytes.count || last == start ? place : last
  }
}
