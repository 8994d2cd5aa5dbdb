// SPDX-License-Identifier: Apache-2.0

import CKernels
import Glibc

/// Cosines and sines of rotary position embeddings.
///
///     angle[position, e] = (position / scaling) · frequency[e]     for e < R / 2, by default base^(-2e / R)
///
/// Frequencies and angles are rounded to 32 bits, as the reference framework computes them; cosines and sines further to
/// the type that it keeps them in. R is E, or less when the rest of a head is left as it is.
///
/// - Source: Su et al. 2021, section 3.2; linear scaling: Chen et al. 2023 (position interpolation).
package final class RotaryTable: Sendable {
  /// The type that the cosines and sines are rounded to.
  package enum Precision: Sendable {
    case float32
    case float16
    case bfloat16

    package func rounded(_ value: Float) -> Float {
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
  /// R: elements of a head, from its start, that are rotated.
  let rotatedWidth: Int
  let cosine: WeightTensor  // [positions, R / 2]
  let sine: WeightTensor  // [positions, R / 2]

  /// - Parameters:
  ///   - frequencies: one for each pair of a head's rotated elements.
  ///   - magnitude: what cosines and sines are multiplied with.
  /// - Precondition: `headWidth` is even, and no fewer elements than the frequencies' pairs.
  package init(
    positions: Int, headWidth: Int, frequencies: [Float], scaling: Double = 1, magnitude: Float = 1,
    precision: Precision = .float32
  ) {
    precondition(headWidth % 2 == 0 && positions > 0 && 2 * frequencies.count <= headWidth && !frequencies.isEmpty)
    let shape = [positions, frequencies.count]
    var cosine = [Float](repeating: 0, count: positions * frequencies.count)
    var sine = cosine
    illmrec_rope_table(positions, frequencies, frequencies.count, scaling, &cosine, &sine)
    self.positions = positions
    self.headWidth = headWidth
    rotatedWidth = 2 * frequencies.count
    self.cosine = WeightTensor(shape: shape, values: cosine.map { precision.rounded($0 * magnitude) })
    self.sine = WeightTensor(shape: shape, values: sine.map { precision.rounded($0 * magnitude) })
  }

  /// A table over all of a head, by the frequencies of one base.
  package convenience init(
    positions: Int, headWidth: Int, base: Double, scaling: Double, precision: Precision = .float32
  ) {
    self.init(
      positions: positions, headWidth: headWidth, frequencies: Self.frequencies(base: base, width: headWidth),
      scaling: scaling, precision: precision)
  }

  /// `base^(-2e / width)` for e < width / 2.
  package static func frequencies(base: Double, width: Int) -> [Float] {
    (0..<width / 2).map { 1 / Float(pow(base, Double(Float(2 * $0) / Float(width)))) }
  }

  /// How the kernels are given heads of which a part is rotated: one by one, each as a row of its own.
  func rotatedHeads(
    of heads: Int, stride: Int, _ positions: [Int32]
  ) -> (count: Int, stride: Int, positions: [Int32]) {
    guard rotatedWidth < headWidth else { return (heads, stride, positions) }
    precondition(heads * headWidth == stride, "heads of which a part is rotated take whole rows")
    return (1, headWidth, positions.flatMap { repeatElement($0, count: heads) })
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
    let rotated = table.rotatedHeads(of: heads, stride: x.width, positions)
    illmrec_rope(
      handle, InstructionSet.constant(of: instructionSet), x.base, rotated.positions.count, rotated.stride,
      rotated.count, table.rotatedWidth, rotated.positions, table.cosine.base, table.sine.base)
  }
}
