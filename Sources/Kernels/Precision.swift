// SPDX-License-Identifier: Apache-2.0

/// What a weight matrix is stored and multiplied in. Activations, sums and everything between the products stay 32-bit.
package enum Precision: String, Sendable, CaseIterable, Codable {
  /// The reference: what the checkpoint says, to the bit.
  case float32
  /// Half the memory; every weight is rounded to 8 significant bits.
  case bfloat16
  /// A quarter of the memory; weights and rows are rounded to 255 steps, each with a scale of its own.
  case int8
}
