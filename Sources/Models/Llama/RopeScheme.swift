// SPDX-License-Identifier: Apache-2.0

import Glibc
import Kernels

/// How the frequencies of rotary positions follow from their base, where a model was stretched beyond what it was made for.
///
/// Computed in 32 bits where the reference framework does.
package enum RopeScheme: Sendable, Equatable {
  /// `base^(-2e / R)`; linear scaling divides positions.
  case plain
  case llama3(Llama3Bands)
  case yarn(YarnRamp)
  /// Each frequency is divided by a factor of its own (Ding et al. 2024), that of short sequences.
  case longrope(factors: [Double], magnitude: Double)
  /// The same without a magnitude, of a GGUF file whose factors were made of ``llama3(_:)``.
  case divided(by: [Float])

  /// Long wavelengths are divided by the factor, short ones stay, those between are mixed (Grattafiori et al. 2024).
  package struct Llama3Bands: Sendable, Equatable {
    var factor: Double
    var lowFrequencyFactor: Double
    var highFrequencyFactor: Double
    var originalPositions: Double
  }

  /// A ramp over the frequencies between those that stay and those that are divided by the factor (Peng et al. 2023).
  package struct YarnRamp: Sendable, Equatable {
    var factor: Double
    /// What cosines and sines are multiplied with.
    var magnitude: Double
    /// Turns within the original positions, from which on a frequency stays, and up to which it is divided.
    var fastTurns: Double
    var slowTurns: Double
    var originalPositions: Double
    /// Whether the ramp begins and ends at whole frequencies.
    var truncates: Bool
  }

  /// What cosines and sines are multiplied with.
  var magnitude: Float {
    switch self {
    case .plain, .llama3, .divided: 1
    case .yarn(let ramp): Float(ramp.magnitude)
    case .longrope(_, let magnitude): Float(magnitude)
    }
  }

  /// - Parameter width: R, elements of a head that are rotated.
  func frequencies(base: Double, width: Int) -> [Float] {
    let plain = RotaryTable.frequencies(base: base, width: width)
    switch self {
    case .plain: return plain
    case .llama3(let bands): return plain.map(bands.scaled)
    case .yarn(let ramp): return ramp.frequencies(base: base, width: width)
    case .longrope(let factors, _): return zip(plain, factors).map { 1 / (Float($1) * (1 / $0)) }
    case .divided(let divisors): return zip(plain, divisors).map { $0 / $1 }
    }
  }
}

extension RopeScheme.Llama3Bands {
  fileprivate func scaled(_ frequency: Float) -> Float {
    let wavelength = Float(2 * Double.pi) / frequency
    if wavelength > Float(originalPositions / lowFrequencyFactor) { return frequency / Float(factor) }
    if wavelength < Float(originalPositions / highFrequencyFactor) { return frequency }
    let turns = Float(originalPositions) / wavelength
    let share = (turns - Float(lowFrequencyFactor)) / Float(highFrequencyFactor - lowFrequencyFactor)
    return (1 - share) * frequency / Float(factor) + share * frequency
  }
}

extension RopeScheme.YarnRamp {
  fileprivate func frequencies(base: Double, width: Int) -> [Float] {
    var low = pair(turning: fastTurns, base, width)
    var high = pair(turning: slowTurns, base, width)
    if truncates { (low, high) = (low.rounded(.down), high.rounded(.up)) }
    (low, high) = (max(low, 0), min(high, Double(width - 1)))
    if low == high { high += 0.001 }
    return (0..<width / 2).map { index in
      let power = Float(pow(base, Double(Float(2 * index) / Float(width))))
      let ramp = min(max((Float(index) - Float(low)) / Float(high - low), 0), 1)
      let kept = 1 - ramp
      return 1 / (Float(factor) * power) * (1 - kept) + 1 / power * kept
    }
  }

  /// Which pair of a head's elements turns as often within the original positions.
  private func pair(turning turns: Double, _ base: Double, _ width: Int) -> Double {
    Double(width) * log(originalPositions / (turns * 2 * .pi)) / (2 * log(base))
  }
}
