// SPDX-License-Identifier: Apache-2.0

import CKernelReferences
import CKernels
import Kernels
import TestSupport
import Testing

@Suite("Gradients of linear layers are exact")
struct LinearBackwardTests {
  /// Rows, inner width, outer width: size 1, odd, and larger than the kernels' tiles, with both ways to divide the work.
  static let sizes = [
    (1, 1, 1), (1, 7, 5), (3, 17, 16), (33, 129, 65), (2, 300, 1200), (700, 96, 31),
  ]

  // Sums of up to 1200 products in [-1, 1] in another order.
  static let tolerance: Float = 3e-6

  struct Case {
    let rows: Int, inner: Int, outer: Int
    let x: [Double], weight: [Double], bias: [Double], dy: [Double]
    var dx: [Double], dweight: [Double], dbias: [Double]

    init(_ size: (rows: Int, inner: Int, outer: Int), rounded: (Float) -> Float = { $0 }) {
      (rows, inner, outer) = size
      var random = SeededGenerator(seed: UInt64(rows * 31 + outer))
      x = random.doubles(rows * inner)
      weight = random.uniform(outer * inner).map { Double(rounded($0)) }
      bias = random.doubles(outer)
      dy = random.uniform(rows * outer).map { Double(rounded($0)) }
      (dx, dweight, dbias) = (.zeros(rows * inner), .zeros(outer * inner), .zeros(outer))
      reference64_linear_backward(x, rows, inner, weight, outer, dy, &dx, &dweight, &dbias)
    }
  }

  @Test(arguments: sizes.prefix(4)) func `The definition is the gradient`(
    _ size: (rows: Int, inner: Int, outer: Int)
  ) {
    let c = Case(size)
    func loss(_ x: [Double], _ weight: [Double], _ bias: [Double]) -> Double {
      var y = [Double].zeros(c.rows * c.outer)
      reference64_linear(x, c.rows, c.inner, weight, c.outer, bias, &y)
      return y.dot(c.dy)
    }
    #expect(
      FiniteDifferences.error(of: c.dx, at: c.x) { loss($0, c.weight, c.bias) }
        < FiniteDifferences.tolerance)
    #expect(
      FiniteDifferences.error(of: c.dweight, at: c.weight) { loss(c.x, $0, c.bias) }
        < FiniteDifferences.tolerance)
    #expect(
      FiniteDifferences.error(of: c.dbias, at: c.bias) { loss(c.x, c.weight, $0) }
        < FiniteDifferences.tolerance)
  }

  @Test(arguments: sizes, [1, 2, 3])
  func `The fast gradient matches the definition`(_ size: (rows: Int, inner: Int, outer: Int), threads: Int) {
    let c = Case(size)
    var random = SeededGenerator(seed: 9)
    let team = ComputeTeam(threads: threads)
    let x = Activations(rows: c.rows, width: c.inner, values: c.x.floats)
    let dy = Activations(rows: c.rows, width: c.outer, values: c.dy.floats)
    let former = random.uniform(c.outer * c.inner)
    let weight = TestTensor(c.weight.floats, gradient: former)
    let bias = TestTensor(c.bias.floats, gradient: [Float](repeating: 1, count: c.outer))
    team.addLinearGradient(dy, of: x, to: weight.tensor, bias: bias.tensor)
    let added = zip(c.dweight.floats, former).map { $0 + $1 }
    #expect(relativeError(weight.gradient, added) < Self.tolerance)
    #expect(relativeError(bias.gradient, c.dbias.floats.map { $0 + 1 }) < Self.tolerance)

    let frozen = LinearWeight(WeightTensor(shape: [c.outer, c.inner], values: c.weight.floats))
    var dx = Activations(rows: c.rows, width: c.inner)
    team.linearBackward(dy, through: frozen, into: &dx)
    #expect(relativeError(dx.values, c.dx.floats) < Self.tolerance)
    team.linearBackward(dy, through: weight.tensor, adding: true, into: &dx)
    #expect(relativeError(dx.values, c.dx.floats.map { 2 * $0 }) < Self.tolerance)
  }

  /// The weights and what is multiplied with them are bfloat16 already: only the order of the sums differs.
  @Test(arguments: sizes + [(30, 64, 64), (9, 33, 95), (600, 34, 65)], ComputePath.allCases)
  func `The gradient goes through packed weights`(_ size: (rows: Int, inner: Int, outer: Int), path: ComputePath) {
    guard path.isSupported(for: .bfloat16) else { return }
    let c = Case(size) { Float(bitPattern: $0.bitPattern & 0xFFFF_0000) }
    let team = ComputeTeam(threads: 2)
    let weight = c.weight.floats
    var notFinite: Int?
    let matrix = weight.withUnsafeBytes { bytes in
      PackedMatrix(
        rows: (0..<c.outer).compactMap { row in bytes.baseAddress.map { $0 + row * c.inner * 4 } },
        of: .float32,
        inputs: c.inner, precision: .bfloat16, on: team, firstNotFinite: &notFinite)
    }
    let dy = Activations(rows: c.rows, width: c.outer, values: c.dy.floats)
    var dx = Activations(rows: c.rows, width: c.inner)
    team.linearBackward(dy, through: LinearWeight(matrix, path: path), into: &dx)
    #expect(relativeError(dx.values, c.dx.floats) < Self.tolerance)
    team.linearBackward(dy, through: LinearWeight(matrix, path: path), adding: true, into: &dx)
    #expect(relativeError(dx.values, c.dx.floats.map { 2 * $0 }) < Self.tolerance)
  }

  @Test func `Rows that are looked up several times get the sum`() {
    var random = SeededGenerator(seed: 4)
    for (rows, width) in [(1, 1), (3, 5), (40, 3000)] {
      let dy = random.uniform(40 * width)
      let indices = (0..<40).map { Int32($0 * $0 % rows) }
      let former = random.uniform(rows * width)
      var expected = former
      for (row, index) in indices.enumerated() {
        for c in 0..<width { expected[Int(index) * width + c] += dy[row * width + c] }
      }
      let table = TestTensor(former, gradient: former)
      let team = ComputeTeam(threads: 2)
      team.scatterAdd(
        Activations(rows: 40, width: width, values: dy), toRows: indices, ofGradient: table.tensor)
      #expect(table.gradient == expected)
      var out = Activations(rows: rows, width: width, values: former)
      team.scatterAdd(Activations(rows: 40, width: width, values: dy), toRows: indices, of: &out)
      #expect(out.values == expected)
    }
  }
}
