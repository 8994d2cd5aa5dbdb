// SPDX-License-Identifier: Apache-2.0

import CKernelReferences
import CKernels
import Kernels
import TestSupport
import Testing

/// Products with packed matrices against their definition, on every path that this machine has.
@Suite("Products with packed matrices stay near exact ones")
struct PackedProductTests {
  struct Way: Sendable, CustomTestStringConvertible {
    let precision: Precision
    let path: ComputePath
    var testDescription: String { "\(precision) \(path.rawValue)" }
  }

  static let ways = [Precision.bfloat16, .int8].flatMap { precision in
    ComputePath.allCases.filter { $0.isSupported(for: precision) }.map { Way(precision: precision, path: $0) }
  }

  /// Rows, inputs, outputs: size 1, below, at and beyond tiles, slabs, groups, panels and blocks.
  static let sizes = [
    (1, 1, 1), (3, 3, 17), (6, 5, 31), (7, 64, 33), (14, 17, 32), (15, 257, 65), (29, 2, 257), (257, 63, 3),
    (17, 2563, 33), (600, 65, 40),
  ]

  // Sums of up to 2563 products in [-1, 1] in another order, over their largest: integers are exact, floats lose a few
  // units in the last place.
  static let tolerance: Float = 5e-6

  /// What the path sees of the rows.
  private static func seen(_ x: [Float], rows: Int, inputs: Int, _ way: Way) -> [Float] {
    switch (way.precision, way.path) {
    case (.int8, _):
      (0..<rows).flatMap { row in
        let values = x[row * inputs..<(row + 1) * inputs]
        let largest = values.map(abs).max() ?? 0
        return values.map { ($0 * (127 / largest)).rounded(.toNearestOrEven) * (largest / 127) }
      }
    case (_, .avx512BF16):
      x.map { Float(bitPattern: ($0.bitPattern &+ 0x7fff &+ ($0.bitPattern >> 16 & 1)) & 0xffff_0000) }
    default: x
    }
  }

  private static func weight(_ values: [Float], outputs: Int, inputs: Int, _ way: Way) -> (LinearWeight, [Float]) {
    values.withUnsafeBytes { bytes in
      let rows = (0..<outputs).compactMap { row in bytes.baseAddress.map { $0 + row * inputs * 4 } }
      var notFinite: Int?
      let matrix = PackedMatrix(
        rows: rows, of: .float32, inputs: inputs, precision: way.precision, on: ComputeTeam(threads: 1),
        firstNotFinite: &notFinite)
      return (LinearWeight(matrix, path: way.path), (0..<outputs).flatMap(matrix.row))
    }
  }

  @Test(arguments: ways, sizes)
  func `A product with packed weights matches the definition`(way: Way, size: (rows: Int, inputs: Int, outputs: Int)) {
    var random = SeededGenerator(seed: UInt64(size.rows * 31 + size.inputs * 7 + size.outputs))
    let x = random.uniform(size.rows * size.inputs)
    let (weight, seenWeight) = Self.weight(
      random.uniform(size.outputs * size.inputs), outputs: size.outputs, inputs: size.inputs, way)
    let bias = random.uniform(size.outputs)
    let seen = Self.seen(x, rows: size.rows, inputs: size.inputs, way)
    let input = Activations(rows: size.rows, width: size.inputs, values: x)
    let biasTensor = WeightTensor(shape: [size.outputs], values: bias)
    for threads in [1, 3] {
      let team = ComputeTeam(threads: threads)
      for (withBias, adding) in [(false, false), (true, false), (false, true), (true, true)] {
        let former = random.uniform(size.rows * size.outputs)
        var expected = former
        reference_linear(
          seen, size.rows, size.inputs, size.inputs, seenWeight, size.outputs, withBias ? bias : nil, adding ? 1 : 0,
          &expected, size.outputs)
        var output = Activations(rows: size.rows, width: size.outputs, values: former)
        if adding {
          team.linear(input, weight, bias: withBias ? biasTensor : nil, addingTo: &output)
        } else {
          team.linear(input, weight, bias: withBias ? biasTensor : nil, into: &output)
        }
        #expect(relativeError(output.values, expected) < Self.tolerance)
      }
    }
  }

  @Test(arguments: ways) func `Rows that are not finite stay that way and alone`(way: Way) {
    var random = SeededGenerator(seed: 5)
    let (rows, inputs, outputs) = (4, 40, 33)
    var x = random.uniform(rows * inputs)
    x[inputs + 3] = .nan
    x[2 * inputs + 39] = .infinity
    let (weight, _) = Self.weight(random.uniform(outputs * inputs), outputs: outputs, inputs: inputs, way)
    var output = Activations(rows: rows, width: outputs)
    ComputeTeam(threads: 1).linear(Activations(rows: rows, width: inputs, values: x), weight, into: &output)
    for row in 0..<rows {
      #expect(output[row: row].contains { !$0.isFinite } == (row == 1 || row == 2))
    }
  }

  @Test(arguments: ways) func `A row does not depend on its neighbours`(way: Way) {
    var random = SeededGenerator(seed: 6)
    let (rows, inputs, outputs) = (37, 96, 70)
    let x = random.uniform(rows * inputs)
    let (weight, _) = Self.weight(random.uniform(outputs * inputs), outputs: outputs, inputs: inputs, way)
    let team = ComputeTeam(threads: 2)
    let input = Activations(rows: rows, width: inputs, values: x)
    var together = Activations(rows: rows, width: outputs)
    team.linear(input, weight, into: &together)
    for row in [0, 13, 36] {
      var alone = Activations(rows: 1, width: outputs)
      team.linear(input, rows: row..<row + 1, weight, into: &alone)
      #expect(alone[row: 0] == together[row: row])
    }
  }

  @Test(arguments: [Precision.bfloat16, .int8]) func `The best path is one of the machine's`(precision: Precision) {
    let trials = ComputePath.trials(for: precision)
    #expect(trials.allSatisfy { $0.speed > 0 && $0.path.isSupported(for: precision) })
    #expect(ComputePath.best(for: precision).map { $0.isSupported(for: precision) } == true)
    #expect(ComputePath.best(for: .float32) == nil)
  }
}
