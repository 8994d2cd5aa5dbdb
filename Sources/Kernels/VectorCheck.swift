// SPDX-License-Identifier: Apache-2.0

import CKernels

/// Checks and measures of float32 vectors.
package enum VectorCheck {
  /// Index of the first NaN or infinity; nil when all are finite.
  package static func firstNonFinite(_ values: UnsafeBufferPointer<Float>) -> Int? {
    guard let base = values.baseAddress else { return nil }
    let index = illmrec_first_not_finite(nil, base, values.count)
    return index == values.count ? nil : index
  }

  /// Σ x², in double precision: finite for any finite `values`.
  package static func squaredNorm(_ values: UnsafeBufferPointer<Float>) -> Double {
    guard let base = values.baseAddress else { return 0 }
    return illmrec_squared_norm(base, values.count)
  }
}
