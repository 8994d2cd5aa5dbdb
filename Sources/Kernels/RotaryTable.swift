// SPDX-License-Identifier: Apache-2.0

import CKernels

/// Cosines and sines of rotary position embeddings.
///
///     angle[position, e] = (position / scaling) · base^(-2e / E)     for e < E / 2
///
/// Frequencies and angles are rounded to 32 bits, as the reference framework computes them; cosines and sines further to
/// the type that it keeps them in.
///
/// - Source: Su et al. 2021, section 3.2; linear scaling: Chen et al. 2023 (position interpolation).
package final class RotaryTable: Sendable {
  /// The type that the cosines and sines are rounded to.
  package enum Precision: Sendable {
    case float32
    case float16
    case bfloat16

    fileprivate func rounded(_ value: Float) -> Float {
      switch self {
      case .float32: value
      case .float16: Float(Float16(value))
      case .bfloat16:
        // To the nearest upper half of the bits, ties to even; cosines and sines never overflow.
        Float(bitPattern: (value.bitPattern &+ 0x7FFF &+ (value.bitPattern >> 16 & 1)) & 0xFFFF_0000)
      }
    }
  }

  package let positions: Int
  /// E.
  package let headWidth: Int
  let cosine: WeightTensor
  let sine: WeightTensor

  /// - Precondition: `headWidth` is even.
  package init(positions: Int, headWidth: Int, base: Double, scaling: Double, precision: Precision = .float32) {
    precondition(headWidth % 2 == 0 && positions > 0)
    let count = positions * headWidth / 2
    var cosine = [Float](repeating: 0, count: count)
    var sine = cosine
    illmrec_rope_table(positions, headWidth, base, scaling, &cosine, &sine)
    self.positions = positions
    self.headWidth = headWidth
    self.cosine = WeightTensor(shape: [positions, headWidth / 2], values: cosine.map(precision.rounded))
    self.sine = WeightTensor(shape: [positions, headWidth / 2], values: sine.map(precision.rounded))
  }
}

extension ComputeTeam {
  /// Rotates the heads of every row by the row's position. The halves of a head, not its neighbours, form the pairs:
  ///
  ///     (x[e], x[e + E/2]) -> (x[e] cos - x[e + E/2] sin, x[e + E/2] cos + x[e] sin)
  ///
  /// - Parameters:
  ///   - x: [T, heads · E] or wider, in place.
  ///   - heads: from the row's start, all of it by default. Queries and keys that lie side by side are rotated at once, the
  ///     values beside them left as they are.
  ///   - positions: [T], below the table's.
  package func rotate(
    _ x: inout Activations, heads: Int? = nil, positions: [Int32], table: RotaryTable,
    instructionSet: InstructionSet? = nil
  ) {
    let heads = heads ?? x.width / table.headWidth
    precondition(positions.count == x.rows && x.width % table.headWidth == 0 && heads * table.headWidth <= x.width)
    precondition(positions.allSatisfy { $0 >= 0 && Int($0) < table.positions })
    illmrec_rope(
      handle, InstructionSet.constant(of: instructionSet), x.base, x.rows, x.width, heads, table.headWidth, positions,
      table.cosine.base, table.sine.base)
  }
}
