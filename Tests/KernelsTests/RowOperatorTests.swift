// SPDX-License-Identifier: Apache-2.0

import CKernelReferences
import CKernels
import Kernels
import TestSupport
import Testing

@Suite("Operators on rows are exact")
struct RowOperatorTests {
  static let sizes = [(1, 1), (1, 5), (3, 16), (7, 33), (40, 1152), (2, 70_000)]
  // Sums of up to 70,000 squares in 16 or more lanes.
  static let tolerance: Float = 3e-6
  let team = ComputeTeam(threads: 2)

  @Test(arguments: sizes, InstructionSet.supported)
  func `RMS normalisation matches the definition`(_ size: (rows: Int, width: Int), instructionSet: InstructionSet) {
    var random = SeededGenerator(seed: 1)
    let x = random.uniform(size.rows * size.width, scale: 4)
    let weight = random.uniform(size.width)
    var expected = x
    reference_rms_norm(x, size.rows, size.width, weight, 1e-5, &expected)
    var out = Activations(rows: size.rows, width: size.width)
    team.rmsNorm(
      Activations(rows: size.rows, width: size.width, values: x),
      weight: WeightTensor(shape: [size.width], values: weight), epsilon: 1e-5,
      instructionSet: instructionSet, into: &out)
    #expect(relativeError(out.values, expected) < Self.tolerance)
  }

  /// The offset is far larger than the spread: a one-pass variance would cancel.
  @Test(arguments: sizes, [Float(0), 50]) func `Layer normalisation matches the definition`(
    _ size: (rows: Int, width: Int), offset: Float
  ) {
    var random = SeededGenerator(seed: 2)
    let x = random.uniform(size.rows * size.width).map { $0 + offset }
    let weight = WeightTensor(shape: [size.width], values: random.uniform(size.width))
    let bias = WeightTensor(shape: [size.width], values: random.uniform(size.width))
    var expected = x
    reference_layer_norm(x, size.rows, size.width, weight.values, bias.values, 1e-6, &expected)
    let input = Activations(rows: size.rows, width: size.width, values: x)
    var out = Activations(rows: size.rows, width: size.width)
    for instructionSet in InstructionSet.supported.reversed() {
      team.layerNorm(input, weight: weight, bias: bias, epsilon: 1e-6, instructionSet: instructionSet, into: &out)
      // The mean's own rounding, offset * 2^-24 and a little more, is divided by a spread of about 0.6.
      #expect(relativeError(out.values, expected) < max(Self.tolerance, offset * 5e-7))
    }
    team.layerNorm(input, weight: weight, bias: bias, epsilon: 1e-6, into: &out)
    var inPlace = Activations(rows: size.rows, width: size.width, values: x)
    team.layerNorm(&inPlace, weight: weight, bias: bias, epsilon: 1e-6)
    #expect(inPlace.values == out.values)
  }

  /// Dividing by an infinite norm would give a row of zeros, which nobody would notice.
  @Test(arguments: InstructionSet.supported) func `Rows whose squares overflow become NaN`(
    _ instructionSet: InstructionSet
  ) {
    let weight = WeightTensor(shape: [70], values: [Float](repeating: 0.5, count: 70))
    let x = [Float](repeating: 1, count: 70) + [Float](repeating: 3e38, count: 70)
    let input = Activations(rows: 2, width: 70, values: x)
    var out = Activations(rows: 2, width: 70)
    team.rmsNorm(input, weight: weight, epsilon: 1e-5, instructionSet: instructionSet, into: &out)
    #expect(out[row: 0].allSatisfy { $0.isFinite } && out[row: 1].allSatisfy { $0.isNaN })
    team.layerNorm(input, weight: weight, bias: weight, epsilon: 1e-6, instructionSet: instructionSet, into: &out)
    #expect(out[row: 0].allSatisfy { $0.isFinite } && out[row: 1].allSatisfy { $0.isNaN })
  }

  @Test(arguments: [(1, 1, 2), (3, 2, 6), (70, 4, 128)], [(10_000.0, 1.0), (500_000.0, 2.0)])
  func `Rotary embedding matches the definition`(
    _ size: (rows: Int, heads: Int, headWidth: Int), rope: (base: Double, scaling: Double)
  ) {
    var random = SeededGenerator(seed: 3)
    let x = random.uniform(size.rows * size.heads * size.headWidth)
    let positions = (0..<size.rows).map { Int32($0 * 57 % 4096) }
    var expected = x
    reference_rope(&expected, size.rows, size.heads, size.headWidth, positions, rope.base, rope.scaling)
    var out = Activations(rows: 0, width: 0)
    let table = RotaryTable(positions: 4096, headWidth: size.headWidth, base: rope.base, scaling: rope.scaling)
    for instructionSet in InstructionSet.supported {
      out = Activations(rows: size.rows, width: size.heads * size.headWidth, values: x)
      team.rotate(&out, positions: positions, table: table, instructionSet: instructionSet)
      // An angle of up to 4096 radians, rounded to 32 bits twice.
      #expect(relativeError(out.values, expected) < 6e-4)
      #expect(relativeError(Array(out.values.prefix(size.headWidth)), Array(expected.prefix(size.headWidth))) < 1e-6)
    }
  }

  @Test func `Some heads of wider rows are rotated`() {
    var random = SeededGenerator(seed: 6)
    let x = random.uniform(5 * 4 * 6)
    let positions: [Int32] = [0, 3, 1, 4, 1]
    let table = RotaryTable(positions: 5, headWidth: 6, base: 10_000, scaling: 1)
    var all = Activations(rows: 5, width: 24, values: x)
    var some = Activations(rows: 5, width: 24, values: x)
    team.rotate(&all, positions: positions, table: table)
    team.rotate(&some, heads: 3, positions: positions, table: table)
    for row in 0..<5 { #expect(some[row: row] == Array(all[row: row].prefix(18) + x[row * 24 + 18..<row * 24 + 24])) }
  }

  @Test func `Of heads that are rotated in part, the rest stays as it is`() {
    var random = SeededGenerator(seed: 7)
    let x = random.uniform(5 * 2 * 10)
    let positions: [Int32] = [0, 3, 1, 4, 1]
    let frequencies = RotaryTable.frequencies(base: 10_000, width: 6)
    let table = RotaryTable(positions: 5, headWidth: 10, frequencies: frequencies)
    var found = Activations(rows: 5, width: 20, values: x)
    team.rotate(&found, positions: positions, table: table)
    // The parts alone, as whole heads.
    let parts = (0..<10).flatMap { x[$0 * 10..<$0 * 10 + 6] }
    var rotated = Activations(rows: 5, width: 12, values: parts)
    team.rotate(
      &rotated, positions: positions, table: RotaryTable(positions: 5, headWidth: 6, base: 10_000, scaling: 1))
    for head in 0..<10 {
      let expected = rotated.values[head * 6..<head * 6 + 6] + x[head * 10 + 6..<head * 10 + 10]
      #expect(found.values[head * 10..<head * 10 + 10].elementsEqual(expected))
    }
    team.rotateBackward(&found, positions: positions, table: table)
    #expect(relativeError(found.values, x) < 1e-6)
  }

  @Test func `Heads are normed each by itself`() {
    var random = SeededGenerator(seed: 8)
    let x = random.uniform(3 * 4 * 6)
    let weight = WeightTensor(shape: [6], values: random.uniform(6))
    var found = Activations(rows: 3, width: 24, values: x)
    team.rmsNormHeads(&found, weight: weight, epsilon: 1e-5)
    var expected = Activations(rows: 12, width: 6)
    team.rmsNorm(Activations(rows: 12, width: 6, values: x), weight: weight, epsilon: 1e-5, into: &expected)
    #expect(found.values == expected.values)
  }

  @Test func `A table of rows is added again and again`() {
    var random = SeededGenerator(seed: 4)
    let x = random.uniform(6 * 5)
    let table = random.uniform(3 * 5)
    var out = Activations(rows: 6, width: 5, values: x)
    team.addRows(&out, WeightTensor(shape: [3, 5], values: table))
    #expect(out.values == x.indices.map { x[$0] + table[$0 % 15] })
  }

  @Test(arguments: [(1, 1, 1, 1), (3, 4, 6, 2), (3, 15, 17, 14), (1, 9, 5, 3)])
  func `Patches are cut as the definition says`(_ size: (channels: Int, height: Int, width: Int, patch: Int)) {
    var random = SeededGenerator(seed: 5)
    let image = random.uniform(size.channels * size.height * size.width)
    let count = (size.height / size.patch) * (size.width / size.patch)
    let width = size.channels * size.patch * size.patch
    var expected = [Float](repeating: 0, count: count * width)
    reference_patches(image, size.channels, size.height, size.width, size.patch, &expected)
    var out = Activations(rows: count + 1, width: width, values: [Float](repeating: 9, count: (count + 1) * width))
    out.setPatches(
      of: image, channels: size.channels, height: size.height, width: size.width, patch: size.patch, atRow: 1)
    #expect(Array(out.values.dropFirst(width)) == expected)
    #expect(out[row: 0] == [Float](repeating: 9, count: width))
  }
}
