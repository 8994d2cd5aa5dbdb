// SPDX-License-Identifier: Apache-2.0

import Glibc
import TestSupport
import Testing

@testable import Kernels

@Suite("Items out of items by a linear map")
struct ShallowAutoencoderTests {
  /// Xᵀ X of three users who met items {0, 1}, {1, 2} and {1}, by hand: with λ = 1 the matrix to invert is
  /// [[2, 1, 0], [1, 4, 1], [0, 1, 2]], of determinant 12.
  @Test func `The weights are EASE's closed form`() throws {
    let counts = [1, .nan, .nan, 1, 3, .nan, 0, 1, 1]
    let weights = try #require(try ShallowAutoencoder.weights(counts: counts, items: 3, regularization: 1))
    // P = [[7, -2, 1], [-2, 4, -2], [1, -2, 7]] / 12.
    let expected = [0, 0.5, -1.0 / 7, 2.0 / 7, 0, 2.0 / 7, -1.0 / 7, 0.5, 0]
    for (found, expected) in zip(weights, expected) { #expect(abs(found - expected) < 1e-12) }
  }

  /// A constrained least-squares problem has no descent left: with the diagonal fixed, the gradient G B - G + λ B is 0 off it.
  @Test(arguments: [1, 2, 7, 128, 129, 300]) func `The weights are the best without a diagonal`(items: Int) throws {
    var random = SeededGenerator(seed: 3)
    let rows = random.uniform(40 * items).map { $0 > 0.5 ? 1.0 : 0 }
    var counts = [Double](repeating: 0, count: items * items)
    for i in 0..<items {
      for j in 0..<items { for r in 0..<40 { counts[i * items + j] += rows[r * items + i] * rows[r * items + j] } }
    }
    let weights = try #require(try ShallowAutoencoder.weights(counts: counts, items: items, regularization: 2.5))
    for i in 0..<items {
      #expect(weights[i * items + i] == 0)
      for j in 0..<items where j != i {
        var gradient = 2.5 * weights[i * items + j] - counts[i * items + j]
        for k in 0..<items { gradient += counts[i * items + k] * weights[k * items + j] }
        #expect(abs(gradient) < 1e-9, "\(i) \(j)")
      }
    }
  }

  @Test(arguments: [[1.0, 0, 1, -5], [1.0, 0, .nan, 1], [.infinity, 0, 0, 1]])
  func `Counts that cannot be inverted are refused`(counts: [Double]) throws {
    #expect(try ShallowAutoencoder.weights(counts: counts, items: 2, regularization: 0.5) == nil)
  }

  /// A matrix that is made of known factors: orthogonal columns of lengths that halve.
  private static func matrix(_ items: Int, _ values: [Double]) -> [Double] {
    var matrix = [Double](repeating: 0, count: items * items)
    for (c, value) in values.enumerated() {
      for i in 0..<items {
        for j in 0..<items {
          // Discrete cosines: the columns are orthonormal.
          func cosine(_ k: Int) -> Double {
            (2 / Double(items)).squareRoot() * Glibc.cos(Double.pi * (Double(k) + 0.5) * Double(c + 1) / Double(items))
          }
          matrix[i * items + j] += value * cosine(i) * cosine((j * 3 + 1) % items)
        }
      }
    }
    return matrix
  }

  private static func normal(_ seed: UInt64) -> () -> Double {
    var random = SeededGenerator(seed: seed)
    return { Double(random.uniform(12).reduce(0, +)) }
  }

  @Test(arguments: [1, 2, 4, 6]) func `Factors are the nearest of their rank`(rank: Int) throws {
    let (items, values) = (50, [8.0, 4, 2, 1])
    let matrix = Self.matrix(items, values)
    let factors = try #require(
      try ShallowAutoencoder.factors(of: matrix, items: items, rank: rank, normal: Self.normal(1)))
    var left = 0.0
    for i in 0..<items {
      for j in 0..<items {
        let product = (0..<rank).reduce(0.0) {
          $0 + Double(factors.left[i * rank + $1]) * Double(factors.right[j * rank + $1])
        }
        left += (matrix[i * items + j] - product) * (matrix[i * items + j] - product)
      }
    }
    // What is left over are the squares of the singular values that the rank leaves out, and rounding to 32 bits.
    #expect(abs(left - values.dropFirst(rank).reduce(0) { $0 + $1 * $1 }) < 1e-4)
    for c in 0..<rank {
      let column = (0..<items).map { factors.left[$0 * rank + c] }
      let square = column.reduce(0) { $0 + Double($1) * Double($1) }
      #expect(abs(square - (c < values.count ? values[c] : 0)) < 1e-4, "\(c)")
    }
  }

  @Test func `Factors do not depend on the random start`() throws {
    let matrix = Self.matrix(40, [5, 3, 2])
    let first = try #require(try ShallowAutoencoder.factors(of: matrix, items: 40, rank: 3, normal: Self.normal(1)))
    let second = try #require(try ShallowAutoencoder.factors(of: matrix, items: 40, rank: 3, normal: Self.normal(2)))
    for (a, b) in zip(first.left + first.right, second.left + second.right) { #expect(abs(abs(a) - abs(b)) < 1e-5) }
  }

  @Test func `The greatest element of a left column is positive`() throws {
    let factors = try #require(
      try ShallowAutoencoder.factors(of: [-4, 0, 0, 1], items: 2, rank: 2, normal: Self.normal(1)))
    for (found, expected) in zip(factors.left, [2, 0, 0, 1] as [Float]) { #expect(abs(found - expected) < 1e-6) }
    for (found, expected) in zip(factors.right, [-2, 0, 0, 1] as [Float]) { #expect(abs(found - expected) < 1e-6) }
  }

  @Test func `A matrix of one item has factors`() throws {
    let factors = try #require(try ShallowAutoencoder.factors(of: [9], items: 1, rank: 1, normal: Self.normal(1)))
    #expect(abs(factors.left[0] - 3) < 1e-6 && abs(factors.right[0] - 3) < 1e-6)
    let none = try #require(try ShallowAutoencoder.factors(of: [0], items: 1, rank: 1, normal: Self.normal(1)))
    #expect(none.left == [0] && none.right == [0])
  }

  @Test func `Progress rises, and what it throws ends the work`() throws {
    struct Stop: Error {}
    let items = 300
    let counts = (0..<items * items).map { $0 % (items + 1) == 0 ? 3.0 : 1 }
    var shares: [Double] = []
    let weights = try #require(
      try ShallowAutoencoder.weights(counts: counts, items: items, regularization: 1) { shares.append($0) })
    #expect(shares.count == 6 && shares == shares.sorted() && shares[0] == 0 && shares[5] < 1)
    #expect(throws: Stop.self) {
      try ShallowAutoencoder.weights(counts: counts, items: items, regularization: 1) { if $0 > 0.5 { throw Stop() } }
    }
    shares = []
    _ = try ShallowAutoencoder.factors(of: weights, items: items, rank: 2, normal: Self.normal(1)) { shares.append($0) }
    #expect(shares.count == 16 && shares == shares.sorted() && shares[15] < 1)
    #expect(throws: Stop.self) {
      try ShallowAutoencoder.factors(of: weights, items: items, rank: 2, normal: Self.normal(1)) { _ in throw Stop() }
    }
  }

  @Test(arguments: [Double.nan, .infinity]) func `A matrix that holds no numbers is refused`(value: Double) throws {
    #expect(try ShallowAutoencoder.factors(of: [1, value, 0, 1], items: 2, rank: 1, normal: Self.normal(1)) == nil)
  }
}
