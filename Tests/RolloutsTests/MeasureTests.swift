// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@testable import Rollouts

@Suite("Sketches measure and compare")
struct MeasureTests {
  @Test
  func `Quantiles are within the relative error of the sample at their rank, over six decades`() throws {
    var random = SeededGenerator(seed: 1)
    var sketch = QuantileSketch()
    var values: [Double] = []
    for _ in 0..<20_000 {
      let u = Double.random(in: 0..<1, using: &random)
      // Heavy-tailed, from 1 µs to about 10⁶ µs.
      let value = 1 / (1e-6 + u * u)
      values.append(value)
      sketch.add(value)
    }
    values.sort()
    for q in [0, 0.01, 0.5, 0.9, 0.99, 0.999, 1] {
      let exact = values[Int(q * Double(values.count - 1))]
      let estimate = try #require(sketch.quantile(q))
      // The bound of the sketch, and a rounding of the logarithm.
      #expect(abs(estimate - exact) <= QuantileSketch.relativeError * exact * (1 + 1e-9), "q \(q)")
    }
  }

  @Test
  func `Sketches add up, and odd values do no harm`() {
    var (left, right, both) = (QuantileSketch(), QuantileSketch(), QuantileSketch())
    #expect(left.quantile(0.5) == nil)
    for value in [0.5, 3, 700, 1e6] {
      left.add(value)
      both.add(value)
    }
    for value in [0, -1, .infinity, .nan, 2] {
      right.add(value)
      both.add(value)
    }
    left.add(right)
    #expect(left == both && left.count == 9)
    #expect((left.quantile(1) ?? 0) > 9e8)
  }

  @Test
  func `Mean and spread are those of the samples`() {
    var mean = RunningMean()
    for value in [2.0, 4, 4, 4, 5, 5, 7, 9] { mean.add(value) }
    #expect(mean.mean == 5 && mean.minimum == 2 && mean.maximum == 9)
    // √(32 / 7)
    #expect(abs(mean.standardDeviation - 2.138_089_935) < 1e-9)
  }

  static func list(_ items: String, _ score: Float = 1) -> [(item: String, score: Float)] {
    items.map { (String($0), score) }
  }

  @Test
  func `Equal answers agree wholly, disjoint ones not at all`() {
    let same = RankedListComparison(baseline: Self.list("abcde"), candidate: Self.list("abcde"))
    #expect(same.overlap == 1 && abs(same.rankBiasedOverlap - 1) < 1e-12 && same.scoreDrift == 0)
    let none = RankedListComparison(baseline: Self.list("abc"), candidate: Self.list("xyz", 1.5))
    #expect(none.overlap == 0 && none.rankBiasedOverlap == 0 && abs(none.scoreDrift - 0.5) < 1e-7)
    let empty = RankedListComparison(baseline: [], candidate: [])
    #expect(empty.overlap == 1 && empty.rankBiasedOverlap == 1 && empty.scoreDrift == 0)
    let short = RankedListComparison(baseline: Self.list("abcd"), candidate: Self.list("a"))
    #expect(short.overlap == 0.25)
  }

  @Test
  func `Rank-biased overlap by hand: a swap at the top costs more than one at the end`() {
    // Agreements 0/1, 2/2, 3/3 with p = .9: 1 · .729 + .1/.9 · (0 + .81 + .729) = .9
    let top = RankedListComparison(baseline: Self.list("abc"), candidate: Self.list("bac"))
    #expect(abs(top.rankBiasedOverlap - 0.9) < 1e-12 && top.overlap == 1)
    // 1/1, 1/2, 3/3: .729 + .1/.9 · (.9 + .405 + .729) = .955
    let end = RankedListComparison(baseline: Self.list("abc"), candidate: Self.list("acb"))
    #expect(abs(end.rankBiasedOverlap - 0.955) < 1e-12)
  }
}
