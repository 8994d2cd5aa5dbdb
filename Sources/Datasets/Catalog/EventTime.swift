// SPDX-License-Identifier: Apache-2.0

/// When an interaction was, in whatever unit its file counts: only the order matters.
///
/// Nanoseconds since 1970 are more than a Double holds to the last digit, and two of them must not fall together.
struct EventTime: Comparable, Sendable {
  private let whole: Int64
  /// In [0, 1).
  private let part: Double

  init(_ whole: Int) {
    self.whole = Int64(whole)
    part = 0
  }

  /// Nil for what is no finite number.
  init?(_ text: String) {
    let text = text.trimmingSpaces()
    if let whole = Int64(text) {
      (self.whole, part) = (whole, 0)
      return
    }
    guard let value = Double(text), value.isFinite, let whole = Int64(exactly: value.rounded(.down)) else { return nil }
    (self.whole, part) = (whole, value - Double(whole))
  }

  static func < (left: EventTime, right: EventTime) -> Bool { (left.whole, left.part) < (right.whole, right.part) }
}

extension String {
  /// Without the white space around it.
  func trimmingSpaces() -> String {
    guard first?.isWhitespace == true || last?.isWhitespace == true else { return self }
    let head = drop { $0.isWhitespace }
    guard let last = head.lastIndex(where: { !$0.isWhitespace }) else { return "" }
    return String(head[...last])
  }
}
