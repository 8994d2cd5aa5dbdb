// SPDX-License-Identifier: Apache-2.0

/// Which vectors may meet: |q| · |x| bounds every partial sum of their inner product, and float32 has to hold it.
enum ScoreRange {
  /// The longest an item's vector may be. A query no longer than it has a score with every item: 2⁶³ · 2⁶³ is a quarter of
  /// float32's range.
  static let maxNorm = 0x1p63

  /// Half of float32's range leaves room for rounding.
  static func holdsScores(queryNorm: Double, itemNorm: Double) -> Bool {
    queryNorm * itemNorm <= Double(Float.greatestFiniteMagnitude) / 2
  }
}

extension IndexVersion {
  /// Whether a query can be searched for here: its vector has the version's length and leaves every score in range.
  package func accepts(_ query: SearchQuery) -> Bool { (try? query.check(against: self)) != nil }

  /// Whether some item's vector is longer than may be published; releases before this check took them.
  var hasVectorTooLong: Bool { maxNorm > ScoreRange.maxNorm }
}
