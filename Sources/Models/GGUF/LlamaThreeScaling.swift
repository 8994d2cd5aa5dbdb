// SPDX-License-Identifier: Apache-2.0

import Basics
import Foundation

/// The settings of Llama 3's RoPE that the factors of a GGUF file were made of.
///
/// The file keeps a factor for each frequency: 1 for short waves, the scaling's for long ones, and between them
/// `1 / ((1 - s) / factor + s)` with `s = (original / wavelength - low) / (high - low)`. All models of the family have the same bounds.
///
/// - Source: `LlamaModel.generate_extra_tensors` of llama.cpp's `convert_hf_to_gguf.py`.
struct LlamaThreeScaling: Equatable {
  private static let low = 1.0
  private static let high = 4.0
  private static let originalContext = 8192.0
  /// Of the factors' 32-bit floats, computed from 32-bit frequencies.
  private static let tolerance = 1e-4

  let factor: Double

  /// Nil for factors that no such scaling has.
  init?(factors: [Float], base: Double) {
    guard let last = factors.last, last > 1 else { return nil }
    factor = Double(last)
    for (index, found) in factors.enumerated() {
      let frequency = pow(base, -Double(index) / Double(factors.count))
      guard abs(Double(found) / expected(wavelength: 2 * .pi / frequency) - 1) < Self.tolerance else { return nil }
    }
  }

  private func expected(wavelength: Double) -> Double {
    if wavelength < Self.originalContext / Self.high { return 1 }
    if wavelength > Self.originalContext / Self.low { return factor }
    let smooth = (Self.originalContext / wavelength - Self.low) / (Self.high - Self.low)
    return 1 / ((1 - smooth) / factor + smooth)
  }

  /// As a `config.json` has them.
  var settings: [String: JSONValue] {
    [
      "factor": .number(factor), "low_freq_factor": .number(Self.low), "high_freq_factor": .number(Self.high),
      "original_max_position_embeddings": .number(Self.originalContext),
    ]
  }
}
