// SPDX-License-Identifier: Apache-2.0

import CKernels

/// The change of basis that gives vectors mean 0 and a covariance of nearly 1: z = L⁻¹(x - μ), with L Lᵀ = covariance + r · 1.
///
/// r is a shrinkage for the covariance's being of so few rows (Chen et al. 2010), and at least the ridge.
package struct Whitening: Sendable {
  /// Elements of a vector.
  package let width: Int
  private var mean: [Double]  // μ [width]
  private var factor: [Double]  // L [width, width]

  /// The least that is added to the variance in every direction, as a share of the directions' mean variance.
  ///
  /// Directions that hardly vary hold rounding and noise: none is stretched more than seven times (1/sqrt) what the mean one is.
  package static let ridge = 0.02

  /// Nil when a row holds a NaN or an infinity.
  ///
  /// - Parameters:
  ///   - rows: [count, width].
  /// - Precondition: at least one row.
  package init?(rows: [Float], width: Int, ridge: Double = Self.ridge) {
    precondition(width > 0 && !rows.isEmpty && rows.count % width == 0 && ridge > 0)
    self.width = width
    mean = [Double](repeating: 0, count: width)
    factor = [Double](repeating: 0, count: width * width)
    let failed = illmrec_whitening(rows, rows.count / width, width, ridge, &mean, &factor)
    guard failed == 0 else { return nil }
  }

  /// Makes a linear layer of whitened vectors, x ↦ W L⁻¹(x - μ) + b, one of vectors as they come.
  ///
  /// - Parameters:
  ///   - weight: W [outer, width].
  ///   - bias: b [outer].
  package func fold(into weight: UnsafeMutableBufferPointer<Float>, bias: UnsafeMutableBufferPointer<Float>) {
    precondition(weight.count == bias.count * width)
    let failed = illmrec_fold_whitening(mean, factor, width, bias.count, weight.baseAddress, bias.baseAddress)
    precondition(failed == 0, "out of memory")
  }
}
