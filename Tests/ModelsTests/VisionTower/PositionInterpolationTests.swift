// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Models

@Suite("Positions are interpolated as by PyTorch") struct PositionInterpolationTests {
  /// Of i^1.5 on a grid, by torch 2.15's `interpolate(mode="bicubic", align_corners=False, antialias=…)`.
  @Test(
    arguments: [
      (4, 2, false, [3.37705, 8.91587, 35.45966, 46.76604]),
      (4, 2, true, [6.16193, 11.20408, 33.21203, 42.34604]),
      (2, 3, false, [-0.32202, 0.19511, 0.71225, 1.26805, 2.25614, 3.24424, 2.85811, 4.31718, 5.77624]),
      (2, 3, true, [-0.24595, 0.26893, 0.78381, 1.30343, 2.25614, 3.20886, 2.85282, 4.24336, 5.63391]),
    ] as [(Int, Int, Bool, [Float])])
  func `Values are PyTorch's`(from source: Int, to target: Int, antialiases: Bool, expected: [Float]) {
    let grid = (0..<source * source).map { Float($0) * Float($0).squareRoot() }
    // Two channels, the second twice the first.
    let found = PositionInterpolation(from: source, to: target, antialiases: antialiases)
      .rows(grid.flatMap { [$0, 2 * $0] }, width: 2)
    let first = stride(from: 0, to: found.count, by: 2).map { found[$0] }
    #expect(zip(first, expected).allSatisfy { abs($0 - $1) < 2e-5 * max(1, abs($1)) }, "\(first)")
    #expect(first.indices.allSatisfy { abs(found[2 * $0 + 1] - 2 * first[$0]) < 1e-4 })
  }

  @Test func `A grid of the same size stays as it is`() {
    let values: [Float] = [1, 2, 3, 4]
    #expect(PositionInterpolation(from: 2, to: 2, antialiases: true).rows(values, width: 1) == values)
  }
}
