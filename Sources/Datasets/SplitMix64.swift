// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Repeatable random numbers: a small generator whose sequence the seed decides.
///
/// What must be the same in years takes its numbers from `next(below:)` and `nextUnit()`: how the standard library makes
/// numbers in a range out of bits may change.
///
/// - Source: Steele, Lea & Flood 2014.
package struct SplitMix64: RandomNumberGenerator, Sendable {
  /// All there is to it: a generator made from it goes on where this one is.
  package private(set) var state: UInt64

  package init(state: UInt64) { self.state = state }

  /// A generator for one of several streams of the same seed, such as users or epochs.
  package init(seed: UInt64, stream: UInt64) {
    var mixer = SplitMix64(state: seed)
    self.init(state: mixer.next() ^ (stream &* 0xD1B5_4A32_D192_ED03))
    _ = next()
  }

  package mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  /// Uniform in [0, bound), but for a bias below bound / 2⁶⁴.
  package mutating func next(below bound: Int) -> Int {
    precondition(bound > 0, "an empty range holds no number")
    return Int(next().multipliedFullWidth(by: UInt64(bound)).high)
  }

  /// Uniform in [0, 1).
  package mutating func nextUnit() -> Double { Double(next() >> 11) / 9_007_199_254_740_992 }

  /// From the standard normal distribution (Box & Muller 1958).
  package mutating func nextNormal() -> Double {
    let radius = (-2 * log(1 - nextUnit())).squareRoot()
    return radius * cos(2 * Double.pi * nextUnit())
  }

  /// A permutation of `values`, each as likely as another.
  package mutating func shuffle<Value>(_ values: inout [Value]) {
    for last in stride(from: values.count - 1, to: 0, by: -1) { values.swapAt(last, next(below: last + 1)) }
  }
}
