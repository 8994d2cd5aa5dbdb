// SPDX-License-Identifier: Apache-2.0

import CKernelReferences
import CKernels
import Glibc
import Kernels
import TestSupport
import Testing

@Suite("Elementwise functions are exact")
struct ElementwiseTests {
  static let counts = [1, 2, 15, 16, 17, 1000, 100_003]
  /// Every activation is within 4 units in the last place of its double-precision value.
  static let tolerance: Float = 5e-7
  let team = ComputeTeam(threads: 2)

  /// From far below to far above the range where the activations bend, each value once per sign.
  private func inputs(_ count: Int) -> [Float] {
    var random = SeededGenerator(seed: UInt64(count))
    return (0..<count).map { _ in random.uniform() * [0.01, 1, 10, 100][Int(random.next() % 4)] }
  }

  private func largestErrorElementwise(_ found: [Float], _ expected: [Float]) -> Float {
    zip(found, expected).map { abs($0 - $1) / max(abs($1), 1e-30) }.max() ?? 0
  }

  @Test(arguments: counts, InstructionSet.supported)
  func `SiLU times a gate matches the definition`(_ count: Int, instructionSet: InstructionSet) {
    let x = inputs(count).map { max($0, -80) }
    var random = SeededGenerator(seed: 9)
    let gate = random.uniform(count)
    var expected = x
    reference_silu_multiply(&expected, gate, count)
    var out = Activations(rows: 1, width: count, values: x)
    team.siluMultiply(
      &out, by: Activations(rows: 1, width: count, values: gate), instructionSet: instructionSet)
    #expect(largestErrorElementwise(out.values, expected) < Self.tolerance)
  }

  @Test(arguments: counts, InstructionSet.supported)
  func `GELU by tanh matches the definition`(_ count: Int, instructionSet: InstructionSet) {
    let x = inputs(count)
    var expected = x
    reference_gelu_tanh(&expected, count)
    var out = Activations(rows: 1, width: count, values: x)
    team.geluTanh(&out, instructionSet: instructionSet)
    // The reference loses the lower tail to 1 + tanh: there the values are compared absolutely.
    #expect(zip(out.values, expected).allSatisfy { abs($0 - $1) <= 1e-6 * max(abs($1), 1) })
  }

  @Test(arguments: counts, InstructionSet.supported)
  func `GELU by a sigmoid matches the definition`(_ count: Int, instructionSet: InstructionSet) {
    let x = inputs(count).map { max($0, -48) }
    var expected = x
    reference_quick_gelu(&expected, count)
    var out = Activations(rows: 1, width: count, values: x)
    team.quickGELU(&out, instructionSet: instructionSet)
    // 1.702 x is rounded before the exponential, whose relative error is as large as x is.
    #expect(zip(out.values, expected).allSatisfy { abs($0 - $1) <= 1e-6 * max(abs($1), 1) })
  }

  @Test(arguments: [(1, 1), (3, 17), (50, 1000)]) func `What is added is scaled column by column`(rows: Int, width: Int)
  {
    var random = SeededGenerator(seed: 4)
    let (x, y, scale) = (random.uniform(rows * width), random.uniform(rows * width), random.uniform(width))
    var out = Activations(rows: rows, width: width, values: y)
    team.add(
      Activations(rows: rows, width: width, values: x), scaledBy: WeightTensor(shape: [width], values: scale), to: &out)
    // One rounding more or less, where the machine multiplies and adds at once.
    #expect(out.values.indices.allSatisfy { abs(out.values[$0] - (y[$0] + scale[$0 % width] * x[$0])) < 1e-6 })
  }

  @Test(arguments: counts, InstructionSet.supported)
  func `GELU by tanh times a gate is the product`(_ count: Int, instructionSet: InstructionSet) {
    let x = inputs(count)
    var random = SeededGenerator(seed: 10)
    let gate = random.uniform(count)
    var activated = Activations(rows: 1, width: count, values: x)
    team.geluTanh(&activated, instructionSet: instructionSet)
    var out = Activations(rows: 1, width: count, values: x)
    team.geluTanhMultiply(
      &out, by: Activations(rows: 1, width: count, values: gate), instructionSet: instructionSet)
    #expect(out.values == zip(activated.values, gate).map { $0 * $1 })
  }

  @Test func `A soft cap bounds as the hyperbolic tangent does`() {
    var out = Activations(rows: 1, width: 4, values: [0, 1, -30, 1e6])
    team.softCap(&out, at: 30)
    let expected = [0, 30 * tanh(1.0 / 30), 30 * tanh(-1.0), 30].map { Float($0) }
    #expect(relativeError(out.values, expected) < 1e-6)
  }

  @Test(arguments: counts) func `GELU matches the definition`(_ count: Int) {
    let x = inputs(count)
    var expected = x
    reference_gelu(&expected, count)
    var out = Activations(rows: 1, width: count, values: x)
    team.gelu(&out)
    #expect(zip(out.values, expected).allSatisfy { abs($0 - $1) <= 1e-6 * max(abs($1), 1) })
  }

  @Test(arguments: InstructionSet.supported)
  func `Extremes stay finite and NaN stays NaN`(_ instructionSet: InstructionSet) {
    let x: [Float] = [-1e30, -200, -88, 0, 88, 200, 1e30]
    var silu = Activations(rows: 1, width: 7, values: x)
    let ones = Activations(rows: 1, width: 7, values: [Float](repeating: 1, count: 7))
    team.siluMultiply(&silu, by: ones, instructionSet: instructionSet)
    #expect(silu.values.suffix(3) == [88, 200, 1e30])
    #expect(silu.values[1...3].allSatisfy { abs($0) < 1e-30 })
    var gelu = Activations(rows: 1, width: 2, values: [.nan, 1])
    team.geluTanh(&gelu, instructionSet: instructionSet)
    #expect(gelu.values[0].isNaN && !gelu.values[1].isNaN)
  }

  @Test func `ReLU matches the definition`() {
    var out = Activations(rows: 1, width: 4, values: [-1, 0, 2, .infinity])
    team.relu(&out)
    #expect(out.values == [0, 0, 2, .infinity])
  }

  @Test func `Every half-precision value widens exactly`() {
    let halves = (0...UInt16.max).map { $0 }
    let tensor = WeightTensor(shape: [halves.count], float16: halves, on: team)
    let wrong = zip(halves, tensor.values).filter { half, found in
      let expected = reference_from_f16(half)
      return expected.isNaN ? !found.isNaN : found.bitPattern != expected.bitPattern
    }
    #expect(wrong.isEmpty)
  }

  @Test func `Every bfloat16 value widens exactly`() {
    let values = (0...UInt16.max).map { $0 }
    let tensor = WeightTensor(shape: [values.count], bfloat16: values, on: team)
    #expect(zip(values, tensor.values).allSatisfy { $1.bitPattern == UInt32($0) << 16 })
  }

  @Test(arguments: [0, 1, 99_999, 299_999]) func `The first value that is not finite is found`(_ index: Int) {
    var values = [Float](repeating: 1, count: 300_000)
    #expect(WeightTensor(shape: [values.count], values: values).firstNotFinite(on: team) == nil)
    values[index] = index % 2 == 0 ? .nan : -.infinity
    values[299_999] = .infinity
    #expect(WeightTensor(shape: [values.count], values: values).firstNotFinite(on: team) == index)
  }
}
