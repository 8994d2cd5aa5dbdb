// SPDX-License-Identifier: Apache-2.0

/// A text as bytes of UTF-8, of which each may say where it comes from, so that this is still known when it is normalised.
struct MarkedText: Sendable {
  enum Mark: UInt8 {
    /// Words in which added tokens are recognised.
    case text
    /// Characters that stand for themselves.
    case data
    /// The first byte of a marker, and the others.
    case marker, markerRest
  }

  var bytes: [UInt8]
  /// One for each byte; nil where all are text.
  var marks: [UInt8]?
  /// Whether its first character comes from the first of the whole text.
  var beginsWhole = true

  subscript(_ range: Range<Int>) -> MarkedText {
    MarkedText(
      bytes: Array(bytes[range]), marks: marks.map { Array($0[range]) },
      beginsWhole: beginsWhole && range.lowerBound == 0)
  }

  mutating func append(_ more: String, _ mark: Mark) {
    let count = bytes.count
    bytes += more.utf8
    guard mark != .text || marks != nil else { return }
    var marks = marks ?? [UInt8](repeating: Mark.text.rawValue, count: count)
    let rest = mark == .marker ? Mark.markerRest : mark
    marks += [UInt8](repeating: rest.rawValue, count: bytes.count - count)
    if mark == .marker, bytes.count > count { marks[count] = mark.rawValue }
    self.marks = marks
  }

  /// Behind the marker that begins at `place`, if one does.
  func endOfMarker(from place: Int) -> Int? {
    guard let marks, marks[place] == Mark.marker.rawValue else { return nil }
    var end = place + 1
    while end < marks.count, marks[end] == Mark.markerRest.rawValue { end += 1 }
    return end
  }

  /// Where something else than words begins from `place` on, or `atMost` bytes on: no token of words reaches into it.
  func endOfWords(from place: Int, atMost: Int) -> Int {
    let limit = min(place + atMost, bytes.count)
    guard let marks else { return limit }
    return (place..<limit).first { marks[$0] != Mark.text.rawValue } ?? limit
  }
}

/// Writes a text anew, part by part.
struct MarkedTextRewriter {
  private let source: MarkedText
  private(set) var result = MarkedText(bytes: [])

  init(_ source: MarkedText) {
    self.source = source
    result.bytes.reserveCapacity(source.bytes.count + source.bytes.count / 4 + 8)
    if source.marks != nil { result.marks = [] }
  }

  private mutating func begin(at place: Int) {
    if result.bytes.isEmpty { result.beginsWhole = source.beginsWhole && place == 0 }
  }

  mutating func copy(_ range: Range<Int>) {
    guard !range.isEmpty else { return }
    begin(at: range.lowerBound)
    result.bytes += source.bytes[range]
    if let marks = source.marks { result.marks? += marks[range] }
  }

  /// Puts `bytes` in the place of `range`; they come from where its first byte does, and from nowhere where it is empty.
  mutating func replace(_ range: Range<Int>, by bytes: some Collection<UInt8>) {
    guard !bytes.isEmpty else { return }
    begin(at: range.lowerBound)
    result.bytes += bytes
    guard let marks = source.marks else { return }
    let mark = range.isEmpty ? MarkedText.Mark.text.rawValue : marks[range.lowerBound]
    let rest = mark == MarkedText.Mark.marker.rawValue ? MarkedText.Mark.markerRest.rawValue : mark
    result.marks?.append(mark)
    result.marks? += [UInt8](repeating: rest, count: bytes.count - 1)
  }
}
