// SPDX-License-Identifier: Apache-2.0

/// Every comparison of a verification, by quantity.
struct VerifyReport: Sendable {
  /// What is known of one quantity.
  struct Finding: Sendable {
    /// Relative, or for what must be equal the number of places that differ.
    var largestError = 0.0
    /// Where that was, e.g. "image 3.jpg".
    var worst = ""
    var comparisons = 0
    /// More about the worst, e.g. "position 17: 424 instead of 460".
    var note = ""
  }

  let precision: Precision
  private(set) var findings: [Quantity: Finding] = [:]

  init(precision: Precision) { self.precision = precision }

  var passed: Bool { findings.keys.allSatisfy { isWithinBound($0) } }

  func isWithinBound(_ quantity: Quantity) -> Bool {
    findings[quantity].map { $0.largestError <= quantity.bound(precision) } ?? true
  }

  /// Compares two vectors of the same length.
  mutating func compare(_ quantity: Quantity, _ actual: [Float], expected: [Float], at place: String) {
    note(quantity, error: Self.relativeError(actual, expected: expected), at: place)
  }

  /// Compares lists that must be equal.
  mutating func compare(_ quantity: Quantity, ids actual: [UInt32], expected: [UInt32], at place: String) {
    let differing = zip(actual, expected).enumerated().filter { $1.0 != $1.1 }
    let count = differing.count + abs(actual.count - expected.count)
    var remark = ""
    if let first = differing.first {
      remark = "position \(first.offset): \(first.element.0) instead of \(first.element.1)"
    } else if actual.count != expected.count {
      remark = "\(actual.count) instead of \(expected.count)"
    }
    note(quantity, error: Double(count), at: place, remark)
  }

  /// Compares two orders of the same items; items whose expected scores are as good as equal may change places.
  mutating func compareRanking(_ actual: [Int], expected: [Int], scores: [Float], at place: String) {
    let scale = max(1, scores.map(\.magnitude).max() ?? 1)
    // Rounded weights may swap whatever lies closer than the scores themselves must come.
    let slack = precision == .f32 ? 1e-5 : Float(Quantity.scores.bound(precision))
    let differing = zip(actual, expected).enumerated().filter { _, pair in
      (scores[pair.0] - scores[pair.1]).magnitude > slack * scale
    }
    let count = differing.count + abs(actual.count - expected.count)
    let remark = differing.first.map { "place \($0.offset + 1): item \($0.element.0) instead of \($0.element.1)" }
    note(.ranking, error: Double(count), at: place, remark ?? "")
  }

  private mutating func note(_ quantity: Quantity, error: Double, at place: String, _ remark: String = "") {
    var finding = findings[quantity] ?? Finding()
    finding.comparisons += 1
    if finding.comparisons == 1 || error > finding.largestError {
      finding.largestError = error
      finding.worst = place
      finding.note = remark
    }
    findings[quantity] = finding
  }

  /// |actual - expected| / |expected|, L2 norms; infinite when the lengths differ or a value is not finite.
  static func relativeError(_ actual: [Float], expected: [Float]) -> Double {
    guard actual.count == expected.count else { return .infinity }
    var difference = 0.0
    var norm = 0.0
    for (a, e) in zip(actual, expected) {
      difference += (Double(a) - Double(e)) * (Double(a) - Double(e))
      norm += Double(e) * Double(e)
    }
    let error = norm > 0 ? (difference / norm).squareRoot() : difference.squareRoot()
    return error.isFinite ? error : .infinity
  }
}
