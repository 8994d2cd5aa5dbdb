// SPDX-License-Identifier: Apache-2.0

/// Where added tokens stand in a text: at each place the longest of them, from the left.
///
/// - Source: Hugging Face tokenizers' `AddedVocabulary::find_matches`.
struct AddedTokenSearch: Sendable {
  /// A run between tokens, or a token by its place among `tokens`.
  enum Run: Sendable, Equatable {
    case text(Range<Int>)
    case token(Int)
  }

  let tokens: [AddedToken]
  private let trie: ByteTrie
  /// Which of `tokens` is the marker that stands for itself wherever a text is marked so.
  private let marker: Int?

  init(_ tokens: [(token: AddedToken, pattern: [UInt8])], marker: String) {
    self.tokens = tokens.map(\.token)
    var trie = ByteTrie()
    for (index, entry) in tokens.enumerated() where !entry.pattern.isEmpty {
      trie.insert(entry.pattern, Int32(index), replacing: false)
    }
    self.trie = trie
    self.marker = tokens.firstIndex { $0.token.content == marker }
  }

  var isEmpty: Bool { tokens.isEmpty }

  /// - Parameter text: whose characters of data are part of no token.
  func runs(_ text: MarkedText) -> [Run] {
    guard !isEmpty else { return text.bytes.isEmpty ? [] : [.text(0..<text.bytes.count)] }
    var runs: [Run] = []
    var (place, start) = (0, 0)
    text.bytes.withUnsafeBufferPointer { bytes in
      while place < bytes.count {
        if text.marks == nil, !trie.begins(with: bytes[place]) {
          place += 1
          continue
        }
        guard let (token, end) = token(bytes, text, at: place) else {
          place += 1
          continue
        }
        let match = place..<end
        place = end
        if tokens[token].isSingleWord, touchesWord(bytes, match) { continue }
        let left = tokens[token].stripsLeft ? max(spaceBefore(bytes, match.lowerBound), start) : match.lowerBound
        if left > start { runs.append(.text(start..<left)) }
        start = tokens[token].stripsRight ? spaceBehind(bytes, match.upperBound) : match.upperBound
        // One of white space that the token before it took is none.
        if start > left { runs.append(.token(token)) }
      }
    }
    if start < text.bytes.count { runs.append(.text(start..<text.bytes.count)) }
    return runs
  }

  private func token(_ bytes: UnsafeBufferPointer<UInt8>, _ text: MarkedText, at place: Int) -> (Int, Int)? {
    if let marker, let end = text.endOfMarker(from: place) { return (marker, end) }
    guard trie.begins(with: bytes[place]) else { return nil }
    let limit = text.endOfWords(from: place, atMost: trie.longest)
    guard let found = trie.longest(bytes, from: place, limit: limit) else { return nil }
    return (Int(found.value), found.end)
  }

  private func touchesWord(_ bytes: UnsafeBufferPointer<UInt8>, _ match: Range<Int>) -> Bool {
    if match.lowerBound > 0, isWord(bytes, UTF8Reading.before(bytes, match.lowerBound)) { return true }
    return match.upperBound < bytes.count && isWord(bytes, match.upperBound)
  }

  /// `\w` of Unicode's technical standard 18.
  private func isWord(_ bytes: UnsafeBufferPointer<UInt8>, _ place: Int) -> Bool {
    guard let scalar = Unicode.Scalar(UTF8Reading.scalar(bytes, place).value) else { return false }
    switch scalar.properties.generalCategory {
    case .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .connectorPunctuation: return true
    default: return scalar.properties.isAlphabetic || scalar.properties.isJoinControl
    }
  }

  private func isSpace(_ bytes: UnsafeBufferPointer<UInt8>, _ place: Int) -> Bool {
    UnicodeClasses.shared[UTF8Reading.scalar(bytes, place).value] & UnicodeClasses.space != 0
  }

  private func spaceBefore(_ bytes: UnsafeBufferPointer<UInt8>, _ place: Int) -> Int {
    var place = place
    while place > 0, isSpace(bytes, UTF8Reading.before(bytes, place)) { place = UTF8Reading.before(bytes, place) }
    return place
  }

  private func spaceBehind(_ bytes: UnsafeBufferPointer<UInt8>, _ place: Int) -> Int {
    var place = place
    while place < bytes.count, isSpace(bytes, place) { place += UTF8Reading.scalar(bytes, place).length }
    return place
  }
}
