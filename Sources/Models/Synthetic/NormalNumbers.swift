// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Repeatable normally distributed numbers: SplitMix64 (Steele et al. 2014) through the Box-Muller transform.
struct NormalNumbers {
  private var state: UInt64
  private var spare: Float?

  init(seed: UInt64) { state = seed }

  private mutating func bits() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// Uniform in (0, 1].
  private mutating func uniform() -> Double { Double((bits() >> 11) + 1) / 9_007_199_254_740_992 }

  mutating func next() -> Float {
    if let number = spare {
      spare = nil
      return number
    }
    let radius = (-2 * log(uniform())).squareRoot()
    let angle = 2 * Double.pi * uniform()
    spare = Float(radius * sin(angle))
    return Float(radius * cos(angle))
  }

  /// `count` numbers around `mean`.
  mutating func next(_ count: Int, deviation: Float, mean: Float = 0) -> [Float] {
    (0..<count).map { _ in mean + deviation * next() }
  }
}
