// SPDX-License-Identifier: Apache-2.0

/// A number as a person types it, such as "0.05", without what binary fractions lose of it.
struct TypedDecimal {
  private static let maxDigits = 18

  /// value = digits / 10^decimals.
  private let digits: Int128
  private let decimals: Int

  /// Nil unless the text is made of decimal digits and at most one point among them: no sign, no exponent, at most 18 digits.
  init?(_ text: some StringProtocol) {
    let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    let all = parts.joined(separator: "").utf8
    guard parts.allSatisfy({ !$0.isEmpty }), all.count <= Self.maxDigits, all.allSatisfy({ (0x30...0x39).contains($0) })
    else { return nil }
    digits = all.reduce(0) { $0 * 10 + Int128($1 - 0x30) }
    decimals = parts.count > 1 ? parts[1].utf8.count : 0
  }

  /// The value times so many; nil where that is no whole number.
  func multiplied(by factor: Int64) -> Int64? {
    let (whole, rest) = (digits * Int128(factor)).quotientAndRemainder(dividingBy: scale)
    return rest == 0 ? Int64(exactly: whole) : nil
  }

  func isAtMost(_ bound: Int64) -> Bool { digits <= Int128(bound) * scale }

  private var scale: Int128 { (0..<decimals).reduce(1) { power, _ in power * 10 } }
}
