// SPDX-License-Identifier: Apache-2.0

/// How a normalised text is cut into the words that the model sees, step after step.
struct PreTokenizer: Sendable {
  enum Step: Sendable {
    case pattern(WordPattern)
    /// Numbers apart from the rest: each alone, or in runs.
    case digits(individual: Bool)
    /// At every place where a text stands.
    case split(at: [UInt8], Behavior)
    case whitespace
    case metaspace(replacement: [UInt8], Prefix, splits: Bool)
    /// A space before what has none.
    case space
  }

  /// What becomes of what a text is split at.
  enum Behavior: Sendable { case removed, isolated, mergedWithPrevious, mergedWithNext, contiguous }

  /// Where a replacement is put before a text that has none: before each, before that which begins the whole, or nowhere.
  enum Prefix: String, Sendable { case always, first, never }

  var steps: [Step] = []

  /// Calls `word` with each word of `text` in order; it may not keep the pointer.
  ///
  /// - Parameter isFirst: whether the whole text begins with this one.
  @inline(__always)
  func forEachWord(
    _ text: UnsafeBufferPointer<UInt8>, isFirst: Bool, _ word: (UnsafeBufferPointer<UInt8>) -> Void
  ) {
    if steps.count == 1, case .pattern(let pattern) = steps[0] {
      Self.cut(text, by: pattern, word)
    } else {
      run(0, text, isFirst, word)
    }
  }

  @inline(__always)
  private static func cut(
    _ text: UnsafeBufferPointer<UInt8>, by pattern: WordPattern, _ word: (UnsafeBufferPointer<UInt8>) -> Void
  ) {
    let masks = UnicodeClasses.shared.masks
    var start = 0
    while start < text.count {
      let end = pattern.end(text, from: start, masks)
      word(.init(rebasing: text[start..<end]))
      start = end
    }
  }

  private func run(
    _ index: Int, _ text: UnsafeBufferPointer<UInt8>, _ isFirst: Bool, _ word: (UnsafeBufferPointer<UInt8>) -> Void
  ) {
    guard index < steps.count else { return word(text) }
    func next(_ start: Int, _ end: Int) {
      if end > start { run(index + 1, .init(rebasing: text[start..<end]), isFirst && start == 0, word) }
    }
    switch steps[index] {
    case .pattern(let pattern):
      let masks = UnicodeClasses.shared.masks
      var start = 0
      while start < text.count {
        let end = pattern.end(text, from: start, masks)
        next(start, end)
        start = end
      }
    case .digits(let individual): Self.cutClass(text, UnicodeClasses.number, individual ? .isolated : .contiguous, next)
    case .whitespace: Self.cutClass(text, UnicodeClasses.space, .removed, next)
    case .split(let pattern, let behavior): Self.cut(Self.matches(of: pattern, in: text), behavior, text.count, next)
    case .space:
      if text[0] == 0x20 { return next(0, text.count) }
      ([0x20] + Array(text)).withUnsafeBufferPointer { run(index + 1, $0, isFirst, word) }
    case .metaspace(let replacement, let prefix, let splits):
      let replaced = Self.replacingSpaces(text, replacement, prefixed: prefix == .always || prefix == .first && isFirst)
      replaced.withUnsafeBufferPointer { replaced in
        guard splits else { return run(index + 1, replaced, isFirst, word) }
        Self.cut(Self.matches(of: replacement, in: replaced), .mergedWithNext, replaced.count) { start, end in
          run(index + 1, .init(rebasing: replaced[start..<end]), isFirst && start == 0, word)
        }
      }
    }
  }

  private static func replacingSpaces(
    _ text: UnsafeBufferPointer<UInt8>, _ replacement: [UInt8], prefixed: Bool
  ) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(text.count + text.count / 2 + replacement.count)
    if prefixed, text[0] != 0x20, !text.starts(with: replacement) { result += replacement }
    for byte in text {
      if byte == 0x20 { result += replacement } else { result.append(byte) }
    }
    return result
  }

  private static func matches(of pattern: [UInt8], in text: UnsafeBufferPointer<UInt8>) -> [Range<Int>] {
    var matches: [Range<Int>] = []
    var place = 0
    while place + pattern.count <= text.count {
      if text[place] == pattern[0], text[place..<place + pattern.count].elementsEqual(pattern) {
        matches.append(place..<place + pattern.count)
        place += pattern.count
      } else {
        place += 1
      }
    }
    return matches
  }

  private static func cutClass(
    _ text: UnsafeBufferPointer<UInt8>, _ wanted: UInt8, _ behavior: Behavior, _ next: (Int, Int) -> Void
  ) {
    let masks = UnicodeClasses.shared.masks
    var matches: [Range<Int>] = []
    var place = 0
    while place < text.count {
      let (scalar, length) = UTF8Reading.scalar(text, place)
      if masks[Int(scalar)] & wanted != 0 { matches.append(place..<place + length) }
      place += length
    }
    cut(matches, behavior, text.count, next)
  }

  /// Calls `next` with the pieces of a text of `count` bytes that `matches` cut it into.
  private static func cut(_ matches: [Range<Int>], _ behavior: Behavior, _ count: Int, _ next: (Int, Int) -> Void) {
    var start = 0
    switch behavior {
    case .removed, .isolated:
      for match in matches {
        next(start, match.lowerBound)
        if behavior == .isolated { next(match.lowerBound, match.upperBound) }
        start = match.upperBound
      }
    case .mergedWithPrevious:
      for match in matches {
        next(start, match.upperBound)
        start = match.upperBound
      }
    case .mergedWithNext:
      for match in matches {
        next(start, match.lowerBound)
        start = match.lowerBound
      }
    case .contiguous:
      var runs: [Range<Int>] = []
      for match in matches {
        if let last = runs.last, last.upperBound == match.lowerBound {
          runs[runs.count - 1] = last.lowerBound..<match.upperBound
        } else {
          runs.append(match)
        }
      }
      return cut(runs, .isolated, count, next)
    }
    next(start, count)
  }
}
