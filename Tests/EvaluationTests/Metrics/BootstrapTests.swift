// SPDX-License-Identifier: Apache-2.0

import Datasets
import Evaluation
import Testing

@Suite("Intervals come by bootstrap") struct BootstrapTests {
  @Test func `Equal values have no spread`() {
    let interval = Bootstrap(resamples: 50).intervals(of: [[0.25, 0.25, 0.25]])[0]
    #expect(interval == Estimate(value: 0.25, low: 0.25, high: 0.25))
  }

  @Test func `The seed decides`() {
    let values = (0..<40).map { Double($0 % 3) }
    #expect(Bootstrap(resamples: 60).intervals(of: [values]) == Bootstrap(resamples: 60).intervals(of: [values]))
    #expect(
      Bootstrap(resamples: 60, seed: 1).means(of: [values]) != Bootstrap(resamples: 60, seed: 2).means(of: [values]))
  }

  /// The mean of 400 fair coins has the standard deviation 0.025, so that 95% of them lie within 0.049 of it.
  @Test func `The interval is that of the normal approximation`() {
    let coins = (0..<400).map { Double($0 % 2) }
    let interval = Bootstrap(resamples: 400).intervals(of: [coins])[0]
    #expect(interval.value == 0.5)
    // Quantiles of 400 draws are good to a tenth of their distance or so; twice that is allowed.
    #expect(abs(interval.low - 0.451) < 0.01 && abs(interval.high - 0.549) < 0.01)
  }

  @Test func `A paired difference sees a small gain that all users share`() {
    let first = (0..<100).map { Double($0) / 100 }
    let second = first.map { $0 - 0.01 }
    let difference = Bootstrap(resamples: 100).difference(first, second)
    #expect(abs(difference.estimate.value - 0.01) < 1e-12)
    #expect(difference.estimate.low > 0.0099 && difference.shareNotLarger == 0)
    #expect(Bootstrap(resamples: 100).difference(second, first).shareNotLarger == 1)
  }
}
