// SPDX-License-Identifier: Apache-2.0

import CKernelReferences
import CKernels
import Glibc
import Kernels
import TestSupport
import Testing

@Suite("Gradients of elementwise functions are exact")
struct ElementwiseBackwardTests {
  /// Below, at and beyond a vector, and beyond a thread's block.
  static let counts = [1, 3, 64, 129, 70_000]
  // exp and reciprocal are good to 2 units in the last place, and a few products follow.
  static let tolerance: Float = 2e-6

  @Test func `The definitions are the gradients`() {
    var random = SeededGenerator(seed: 1)
    for count in [1, 3, 20] {
      let (x, gate, dy) = (
        random.doubles(count, scale: 4), random.doubles(count), random.doubles(count)
      )
      var (dx, dgate, y) = ([Double].zeros(count), [Double].zeros(count), [Double].zeros(count))
      reference64_silu_multiply_backward(x, gate, count, dy, &dx, &dgate)
      let byX = FiniteDifferences.error(of: dx, at: x) {
        reference64_silu_multiply($0, gate, count, &y)
        return y.dot(dy)
      }
      let byGate = FiniteDifferences.error(of: dgate, at: gate) {
        reference64_silu_multiply(x, $0, count, &y)
        return y.dot(dy)
      }
      reference64_gelu_backward(x, count, dy, &dx)
      let gelu = FiniteDifferences.error(of: dx, at: x) {
        reference64_gelu($0, count, &y)
        return y.dot(dy)
      }
      #expect(max(byX, byGate, gelu) < FiniteDifferences.tolerance)
    }
  }

  @Test(arguments: counts, InstructionSet.supported) func `The gradient of SiLU times a gate matches the definition`(
    _ count: Int, instructionSet: InstructionSet
  ) {
    var random = SeededGenerator(seed: 2)
    let (x, gate, dy) = (
      random.doubles(count, scale: 20), random.doubles(count), random.doubles(count)
    )
    var (dx, dgate) = ([Double].zeros(count), [Double].zeros(count))
    reference64_silu_multiply_backward(x, gate, count, dy, &dx, &dgate)
    var foundX = Activations(rows: 1, width: count, values: x.floats)
    var foundGate = Activations(rows: 1, width: count, values: gate.floats)
    ComputeTeam(threads: 2).siluMultiplyBackward(
      &foundX, by: &foundGate, Activations(rows: 1, width: count, values: dy.floats),
      instructionSet: instructionSet)
    #expect(relativeError(foundX.values, dx.floats) < Self.tolerance)
    #expect(relativeError(foundGate.values, dgate.floats) < Self.tolerance)
  }

  private static func geluTanh(_ x: Double) -> Double {
    0.5 * x * (1 + tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
  }

  @Test(arguments: counts.dropLast(), InstructionSet.supported)
  func `The gradient of GELU by tanh times a gate is that of the definition`(
    _ count: Int, instructionSet: InstructionSet
  ) {
    var random = SeededGenerator(seed: 12)
    let (x, gate, dy) = (random.doubles(count, scale: 6), random.doubles(count), random.doubles(count))
    var dx = Activations(rows: 1, width: count, values: x.floats)
    var dgate = Activations(rows: 1, width: count, values: gate.floats)
    ComputeTeam(threads: 2).geluTanhMultiplyBackward(
      &dx, by: &dgate, Activations(rows: 1, width: count, values: dy.floats), instructionSet: instructionSet)
    let byX = FiniteDifferences.error(of: dx.values.map(Double.init), at: x) { x in
      x.indices.map { Self.geluTanh(x[$0]) * gate[$0] }.dot(dy)
    }
    let byGate = FiniteDifferences.error(of: dgate.values.map(Double.init), at: gate) { gate in
      gate.indices.map { Self.geluTanh(x[$0]) * gate[$0] }.dot(dy)
    }
    #expect(max(byX, byGate) < 1e-5)
  }

  @Test func `The gradient of a soft cap is that of the definition`() {
    var random = SeededGenerator(seed: 13)
    let (x, dy) = (random.doubles(100, scale: 6), random.doubles(100))
    let team = ComputeTeam(threads: 2)
    var y = Activations(rows: 1, width: 100, values: x.floats)
    team.softCap(&y, at: 3)
    var dx = Activations(rows: 1, width: 100, values: dy.floats)
    team.softCapBackward(&dx, from: y, at: 3)
    let error = FiniteDifferences.error(of: dx.values.map(Double.init), at: x) { x in
      x.map { 3 * tanh($0 / 3) }.dot(dy)
    }
    #expect(error < 1e-5)
  }

  @Test(arguments: counts) func `The gradients of GELU and ReLU match the definitions`(_ count: Int) {
    var random = SeededGenerator(seed: 11)
    let team = ComputeTeam(threads: 2)
    let (x, dy) = (random.doubles(count, scale: 6), random.doubles(count))
    var dx = [Double].zeros(count)
    reference64_gelu_backward(x, count, dy, &dx)
    var found = Activations(rows: 1, width: count, values: dy.floats)
    team.geluBackward(&found, of: Activations(rows: 1, width: count, values: x.floats))
    #expect(relativeError(found.values, dx.floats) < Self.tolerance)
    var y = Activations(rows: 1, width: count, values: x.floats)
    team.relu(&y)
    var relu = Activations(rows: 1, width: count, values: dy.floats)
    team.reluBackward(&relu, from: y)
    #expect(relu.values == zip(x, dy).map { $0 > 0 ? Float($1) : 0 })
  }

  /// The rotation is linear and keeps lengths: its gradient is its inverse.
  @Test(arguments: [(1, 1, 2), (3, 2, 6), (70, 4, 128)], InstructionSet.supported)
  func `The gradient of a rotation matches the definition`(
    _ size: (rows: Int, heads: Int, headWidth: Int), instructionSet: InstructionSet
  ) {
    var random = SeededGenerator(seed: 4)
    let count = size.rows * size.heads * size.headWidth
    let (x, dy) = (random.doubles(count), random.doubles(count))
    let positions = (0..<size.rows).map { Int32($0 * 7 % 100) }
    var dx = dy
    reference64_rope(&dx, size.rows, size.heads, size.headWidth, positions, 10_000, -1)
    let error = FiniteDifferences.error(of: dx, at: x) {
      var y = $0
      reference64_rope(&y, size.rows, size.heads, size.headWidth, positions, 10_000, 1)
      return y.dot(dy)
    }
    #expect(error < FiniteDifferences.tolerance)
    var found = Activations(rows: size.rows, width: size.heads * size.headWidth, values: dy.floats)
    ComputeTeam(threads: 2).rotateBackward(
      &found, positions: positions,
      table: RotaryTable(positions: 100, headWidth: size.headWidth, base: 10_000, scaling: 1),
      instructionSet: instructionSet)
    // An angle of up to 100 radians, rounded to 32 bits twice.
    #expect(relativeError(found.values, dx.floats) < 2e-5)
  }
}
