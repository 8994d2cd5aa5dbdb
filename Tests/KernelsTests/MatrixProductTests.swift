// SPDX-License-Identifier: Apache-2.0

import CKernelReferences
import CKernels
import Kernels
import TestSupport
import Testing

@Suite("Matrix products are exact")
struct MatrixProductTests {
  /// Rows, inner width, outer width: size 1, below, at and beyond the kernels' tiles, and both ways to divide the work.
  static let sizes = [(1, 1, 1), (1, 7, 5), (3, 16, 17), (16, 16, 16), (33, 129, 65), (2, 300, 1200), (900, 96, 31)]

  // Sums of up to 300 products in [-1, 1] in another order: below 300 half-ulps of their largest partial sum.
  static let tolerance: Float = 2e-6

  private static let ways = InstructionSet.supported.flatMap { set in [1, 2, 3].map { (set, $0) } }

  @Test(arguments: sizes, ways)
  func `A product matches the definition`(
    _ size: (rows: Int, inner: Int, outer: Int), way: (instructionSet: InstructionSet, threads: Int)
  ) {
    var random = SeededGenerator(seed: UInt64(size.rows * 7 + size.outer))
    let x = random.uniform(size.rows * size.inner)
    let weight = random.uniform(size.outer * size.inner)
    let bias = random.uniform(size.outer)
    let team = ComputeTeam(threads: way.threads)
    let matrix = LinearWeight(WeightTensor(shape: [size.outer, size.inner], values: weight))
    let biasTensor = WeightTensor(shape: [size.outer], values: bias)
    let input = Activations(rows: size.rows, width: size.inner, values: x)

    for (withBias, adding) in [(false, false), (true, false), (false, true), (true, true)] {
      let former = random.uniform(size.rows * size.outer)
      var expected = former
      reference_linear(
        x, size.rows, size.inner, size.inner, weight, size.outer, withBias ? bias : nil, adding ? 1 : 0, &expected,
        size.outer)
      var output = Activations(rows: size.rows, width: size.outer, values: former)
      if adding {
        team.linear(
          input, matrix, bias: withBias ? biasTensor : nil, instructionSet: way.instructionSet, addingTo: &output)
      } else {
        team.linear(
          input, matrix, bias: withBias ? biasTensor : nil, instructionSet: way.instructionSet, into: &output)
      }
      #expect(relativeError(output.values, expected) < Self.tolerance)
    }
  }

  /// Every number of rows up to past two tiles of 14, and blocks of inputs whose sums meet in the result.
  @Test(arguments: [(5, 17), (96, 70), (129, 64), (1537, 33), (3100, 31)], ways)
  func `A row does not depend on its neighbours or on the threads`(
    _ size: (inner: Int, outer: Int), way: (instructionSet: InstructionSet, threads: Int)
  ) {
    var random = SeededGenerator(seed: UInt64(size.inner))
    let weight = LinearWeight(
      WeightTensor(shape: [size.outer, size.inner], values: random.uniform(size.outer * size.inner)))
    let bias = WeightTensor(shape: [size.outer], values: random.uniform(size.outer))
    let input = Activations(rows: 600, width: size.inner, values: random.uniform(600 * size.inner))
    func product(_ rows: Range<Int>, threads: Int) -> Activations {
      var output = Activations(rows: rows.count, width: size.outer)
      ComputeTeam(threads: threads).linear(
        input, rows: rows, weight, bias: bias, instructionSet: way.instructionSet, into: &output)
      return output
    }
    let together = product(0..<600, threads: way.threads)
    for count in Array(1...31) + [512, 513] {
      let first = 600 - count - (count % 7)
      let some = product(first..<first + count, threads: 1)
      let different = (0..<count).filter { some[row: $0] != together[row: first + $0] }
      #expect(different == [], "\(count) rows")
    }
  }

  @Test func `A product takes a range of rows and adds at a row`() {
    var random = SeededGenerator(seed: 3)
    let x = random.uniform(6 * 4)
    let weight = random.uniform(5 * 4)
    let former = random.uniform(6 * 5)
    var expected = former
    expected.withUnsafeMutableBufferPointer { out in
      reference_linear(Array(x[8..<20]), 3, 4, 4, weight, 5, nil, 1, out.baseAddress.map { $0 + 10 }, 5)
    }
    var output = Activations(rows: 6, width: 5, values: former)
    ComputeTeam(threads: 1).linear(
      Activations(rows: 6, width: 4, values: x), rows: 2..<5,
      LinearWeight(WeightTensor(shape: [5, 4], values: weight)),
      addingTo: &output, atRow: 2)
    #expect(relativeError(output.values, expected) < Self.tolerance)
  }

  /// A processor that OpenBLAS does not know runs its oldest kernels unless it is told better.
  @Test(.enabled(if: cpuHasAVX2, "this CPU has no AVX2")) func `A product uses the processor's vector instructions`() {
    let slow = ["prescott", "core2", "penryn", "dunnington", "nehalem", "atom", "katmai", "banias"]
    #expect(!slow.contains(ComputeTeam.matrixProductCore.lowercased()))
  }

  private static var cpuHasAVX2: Bool { CPUFeatures.avx2 }
}
