// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@testable import Kernels

@Suite("Whitening removes correlation")
struct WhiteningTests {
  /// Rows whose elements are mixed, of different sizes and far from 0.
  private static func rows(_ count: Int, _ width: Int) -> [Float] {
    var random = SeededGenerator(seed: 5)
    let values = random.uniform(count * width)
    return values.indices.map { index in
      let column = index % width
      return 7 + Float(column % 2 + 1) * values[index] - (column > 0 ? values[index - 1] / 2 : 0)
    }
  }

  private static func fold(_ whitening: Whitening, _ weight: [Float], _ bias: [Float]) -> ([Float], [Float]) {
    var (weight, bias) = (weight, bias)
    weight.withUnsafeMutableBufferPointer { weight in
      bias.withUnsafeMutableBufferPointer { whitening.fold(into: weight, bias: $0) }
    }
    return (weight, bias)
  }

  private static func linear(_ row: some RandomAccessCollection<Double>, _ weight: [Float], _ bias: [Float]) -> [Double]
  {
    bias.indices.map { out in
      zip(row, weight[out * row.count..<(out + 1) * row.count]).reduce(Double(bias[out])) { $0 + $1.0 * Double($1.1) }
    }
  }

  /// Through a layer of the identity: what it gives is the whitened vector.
  private static func whiten(_ rows: [Float], _ width: Int, ridge: Double = Whitening.ridge) throws -> [[Double]] {
    let whitening = try #require(Whitening(rows: rows, width: width, ridge: ridge))
    let identity = (0..<width * width).map { $0 % (width + 1) == 0 ? Float(1) : 0 }
    let (weight, bias) = fold(whitening, identity, [Float](repeating: 0, count: width))
    return stride(from: 0, to: rows.count, by: width).map {
      linear(rows[$0..<$0 + width].map(Double.init), weight, bias)
    }
  }

  /// Of so many rows that hardly 1% of their mean variance is added to it.
  @Test func `Vectors get mean zero and covariance one`() throws {
    let (count, width) = (1000, 4)
    let whitened = try Self.whiten(Self.rows(count, width), width, ridge: 1e-9)
    for i in 0..<width {
      #expect(abs(whitened.reduce(0) { $0 + $1[i] }) / Double(count) < 1e-4)
      for j in 0...i {
        let covariance = whitened.reduce(0) { $0 + $1[i] * $1[j] } / Double(count)
        #expect(abs(covariance - (i == j ? 1 : 0)) < 0.04, "\(i) \(j)")
      }
    }
  }

  /// Two rows say so little that a ridge above what the shrinkage adds is what counts.
  @Test func `The ridge bounds what hardly varies`() throws {
    let whitened = try Self.whiten([1, 1, 3, 3], 2, ridge: 1500)
    // Covariance [[1, 1], [1, 1]] + 1500 = L Lᵀ with L = [[√1501, 0], [1/√1501, √(1501 - 1/1501)]].
    let first = 1 / 1501.0.squareRoot()
    let second = (1 - first * first) / (1501 - first * first).squareRoot()
    for (vector, sign) in zip(whitened, [-1.0, 1.0]) {
      #expect(abs(vector[0] - sign * first) < 1e-6 && abs(vector[1] - sign * second) < 1e-6)
    }
  }

  /// Chen et al. 2010, formula 23, for 40 rows of covariance diag(2, 8): a share of 100 / 720 of the mean variance 5.
  @Test func `Few rows are shrunk as OAS says`() throws {
    let rows = [[Float]](repeating: [2, 0, -2, 0, 0, 4, 0, -4], count: 10).flatMap { $0 }
    let whitened = try Self.whiten(rows, 2)
    let added = (100.0 / 720) / (1 - 100.0 / 720) * 5
    #expect(abs(whitened[0][0] - 2 / (2 + added).squareRoot()) < 1e-6 && abs(whitened[0][1]) < 1e-6)
    #expect(abs(whitened[2][1] - 4 / (8 + added).squareRoot()) < 1e-6 && abs(whitened[2][0]) < 1e-6)
  }

  @Test(arguments: [1, 3]) func `Rows that are the same are only centred`(count: Int) throws {
    let rows = (0..<4 * count).map { Float($0 % 4) }
    let whitened = try Self.whiten(rows, 4)
    #expect(whitened.allSatisfy { $0.allSatisfy { abs($0) < 1e-6 } })
  }

  @Test(arguments: [Float.nan, .infinity]) func `Rows that are no numbers are refused`(value: Float) {
    #expect(Whitening(rows: [1, 2, value, 4], width: 2) == nil)
  }

  /// x ↦ W z + b on the way through: folding is what it says for any layer.
  @Test func `A folded layer is the layer of whitened vectors`() throws {
    let (count, width, outer) = (9, 5, 3)
    let rows = Self.rows(count, width)
    var random = SeededGenerator(seed: 6)
    let (weight, bias) = (random.uniform(outer * width), random.uniform(outer))
    let (folded, foldedBias) = Self.fold(try #require(Whitening(rows: rows, width: width)), weight, bias)
    for (row, z) in try Self.whiten(rows, width).enumerated() {
      let expected = Self.linear(z, weight, bias)
      let found = Self.linear(rows[row * width..<(row + 1) * width].map(Double.init), folded, foldedBias)
      // Weights are rounded to 32 bits, and rows lie some 7 from 0.
      for (found, expected) in zip(found, expected) { #expect(abs(found - expected) < 1e-5 * max(1, abs(expected))) }
    }
  }
}
