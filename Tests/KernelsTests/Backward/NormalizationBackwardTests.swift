// SPDX-License-Identifier: Apache-2.0

import CKernelReferences
import CKernels
import Kernels
import TestSupport
import Testing

@Suite("Gradients of normalisations are exact")
struct NormalizationBackwardTests {
  static let sizes = [(1, 1), (1, 5), (3, 16), (7, 33), (40, 1152), (2, 20_000)]
  // Sums of up to 20,000 products in 16 or more lanes, and the rounding of the moments.
  static let tolerance: Float = 5e-6
  static let epsilon = 1e-5

  struct Case {
    let rows: Int, width: Int, isCentred: Bool
    let x: [Double], weight: [Double], bias: [Double], dy: [Double]
    var dx: [Double], dweight: [Double], dbias: [Double]

    init(_ size: (rows: Int, width: Int), isCentred: Bool) {
      (rows, width) = size
      self.isCentred = isCentred
      var random = SeededGenerator(seed: UInt64(rows + width))
      x = random.doubles(rows * width, scale: 2)
      weight = random.doubles(width)
      bias = random.doubles(width)
      dy = random.doubles(rows * width)
      (dx, dweight, dbias) = (.zeros(rows * width), .zeros(width), .zeros(width))
      reference64_norm_backward(
        x, rows, width, weight, epsilon, isCentred ? 1 : 0, dy, &dx, &dweight, &dbias)
    }

    func loss(_ x: [Double], _ weight: [Double], _ bias: [Double]) -> Double {
      var y = [Double].zeros(rows * width)
      reference64_norm(x, rows, width, weight, bias, epsilon, isCentred ? 1 : 0, &y)
      return y.dot(dy)
    }
  }

  @Test(arguments: sizes.prefix(4), [false, true])
  func `The definition is the gradient`(_ size: (rows: Int, width: Int), isCentred: Bool) {
    // A centred row of one element is always zero: its slope is not what differences can tell.
    guard !isCentred || size.width > 1 else { return }
    let c = Case(size, isCentred: isCentred)
    #expect(
      FiniteDifferences.error(of: c.dx, at: c.x) { c.loss($0, c.weight, c.bias) }
        < FiniteDifferences.tolerance)
    #expect(
      FiniteDifferences.error(of: c.dweight, at: c.weight) { c.loss(c.x, $0, c.bias) }
        < FiniteDifferences.tolerance)
    guard isCentred else { return }
    #expect(
      FiniteDifferences.error(of: c.dbias, at: c.bias) { c.loss(c.x, c.weight, $0) }
        < FiniteDifferences.tolerance)
  }

  @Test(arguments: sizes, [1, 3]) func `The gradient of layer normalisation matches the definition`(
    _ size: (rows: Int, width: Int), threads: Int
  ) {
    let c = Case(size, isCentred: true)
    let weight = TestTensor(c.weight.floats, gradient: [Float](repeating: 0, count: c.width))
    let bias = TestTensor(c.bias.floats, gradient: [Float](repeating: 0, count: c.width))
    var d = Activations(rows: c.rows, width: c.width, values: c.dy.floats)
    ComputeTeam(threads: threads).layerNormBackward(
      &d, of: Activations(rows: c.rows, width: c.width, values: c.x.floats), weight: weight.tensor,
      bias: bias.tensor,
      epsilon: Float(Self.epsilon))
    // A row of one element has a gradient of zero, and factors of 1 / sqrt(epsilon) before what cancels.
    if c.width > 1 { #expect(relativeError(d.values, c.dx.floats) < Self.tolerance) }
    #expect(relativeError(weight.gradient, c.dweight.floats) < Self.tolerance)
    #expect(relativeError(bias.gradient, c.dbias.floats) < Self.tolerance)
  }

  @Test(arguments: sizes, [1, 3]) func `The gradient of RMS normalisation matches the definition`(
    _ size: (rows: Int, width: Int), threads: Int
  ) {
    let c = Case(size, isCentred: false)
    let team = ComputeTeam(threads: threads)
    let x = Activations(rows: c.rows, width: c.width, values: c.x.floats)
    var added = Activations(
      rows: c.rows, width: c.width, values: [Float](repeating: 1, count: c.rows * c.width))
    team.rmsNormBackward(
      Activations(rows: c.rows, width: c.width, values: c.dy.floats), of: x,
      weight: WeightTensor(shape: [c.width], values: c.weight.floats), epsilon: Float(Self.epsilon),
      addingTo: &added)
    #expect(relativeError(added.values, c.dx.floats.map { $0 + 1 }) < Self.tolerance)

    let weight = TestTensor(c.weight.floats, gradient: [Float](repeating: 0, count: c.width))
    var d = Activations(rows: c.rows, width: c.width, values: c.dy.floats)
    team.rmsNormBackward(&d, of: x, weight: weight.tensor, epsilon: Float(Self.epsilon))
    #expect(relativeError(weight.gradient, c.dweight.floats) < Self.tolerance)
    if c.width > 1 { #expect(relativeError(d.values, c.dx.floats) < Self.tolerance) }
  }
}
