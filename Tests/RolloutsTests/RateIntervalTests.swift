// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@testable import Rollouts

@Suite("Intervals are valid at every look")
struct RateIntervalTests {
  @Test
  func `Ends are where the mixture's likelihood ratio reaches 1 / δ`() {
    let none = RateInterval(successes: 0, trials: 0, errorProbability: 0.05)
    #expect(none.lower == 0 && none.upper == 1)
    let zero = RateInterval(successes: 0, trials: 100, errorProbability: 0.05)
    // B(½, 100½) / B(½, ½) = Γ(100½) / (Γ(½) · 100!) = .05635; 1 − (.05 · .05635)^(1/100) = .05701
    #expect(zero.lower == 0 && abs(zero.upper - 0.057_01) < 1e-4)
    let all = RateInterval(successes: 100, trials: 100, errorProbability: 0.05)
    #expect(abs(all.lower - (1 - zero.upper)) < 1e-9 && all.upper == 1)
    let half = RateInterval(successes: 50, trials: 100, errorProbability: 0.05)
    #expect(half.lower < 0.5 && half.upper > 0.5 && abs(half.lower + half.upper - 1) < 1e-9)
    let larger = RateInterval(successes: 5000, trials: 10_000, errorProbability: 0.05)
    #expect(larger.upper - larger.lower < (half.upper - half.lower) / 5)
  }

  /// The guarantee: over all looks, the true rate is ever outside in at most δ of the streams.
  @Test(arguments: [0.01, 0.1, 0.5])
  func `Intervals hold the true rate at every look at once`(rate: Double) {
    let (streams, trials, looks, delta) = (300, 1500, 25, 0.1)
    var random = SeededGenerator(seed: 11)
    var missed = 0
    for _ in 0..<streams {
      var successes: UInt64 = 0
      var everOutside = false
      for trial in 1...trials {
        if Double.random(in: 0..<1, using: &random) < rate { successes += 1 }
        guard trial % (trials / looks) == 0 else { continue }
        let interval = RateInterval(successes: successes, trials: UInt64(trial), errorProbability: delta)
        everOutside = everOutside || !(interval.lower...interval.upper).contains(rate)
      }
      missed += everOutside ? 1 : 0
    }
    // At most 30 expected; three standard deviations (5.2) more would be chance.
    #expect(missed <= 46, "\(missed) of \(streams)")
  }

  @Test
  func `A difference holds at every look at once, and a real loss is found`() {
    let (streams, steps, delta) = (200, 1500, 0.1)
    var random = SeededGenerator(seed: 12)
    var (missed, found) = (0, 0)
    for _ in 0..<streams {
      var (baseline, candidate, worse) = (Trials(), Trials(), Trials())
      var (everOutside, isFound) = (false, false)
      for step in 1...steps {
        baseline.add(Double.random(in: 0..<1, using: &random) < 0.2)
        // The canary gets a fifth of the traffic.
        if step % 5 == 0 { candidate.add(Double.random(in: 0..<1, using: &random) < 0.2) }
        worse.add(Double.random(in: 0..<1, using: &random) < 0.08)
        guard step % 60 == 0 else { continue }
        let same = RateDifference(baseline: baseline, candidate: candidate, errorProbability: delta)
        everOutside = everOutside || same.lower > 0 || same.upper < 0
        isFound = isFound || RateDifference(baseline: baseline, candidate: worse, errorProbability: delta).upper < 0
      }
      missed += everOutside ? 1 : 0
      found += isFound ? 1 : 0
    }
    #expect(missed <= 33, "20 of \(streams) allowed, three standard deviations (4.2) more would be chance: \(missed)")
    #expect(found >= 198, "a drop from 20% to 8% is plain after 1,500 answers each: \(found)")
  }

  @Test
  func `A difference's interval is narrower than what the arms' own intervals leave`() {
    let (baseline, candidate) = (Trials(count: 10_000, successes: 2000), Trials(count: 10_000, successes: 2000))
    let difference = RateDifference(baseline: baseline, candidate: candidate, errorProbability: 0.05)
    let alone = baseline.interval(errorProbability: 0.025)
    #expect(difference.difference == 0 && abs(difference.lower + difference.upper) < 1e-9)
    #expect(difference.upper < 0.9 * (alone.upper - alone.lower))
    // 1.96 · √(2 · .2 · .8 / 10,000), the interval that is valid at one moment only.
    #expect(difference.upper > 0.011_09 && difference.upper < 2.7 * 0.011_09, "\(difference.upper)")
    let none = RateDifference(baseline: Trials(), candidate: Trials(), errorProbability: 0.05)
    #expect(none.lower == -1 && none.upper == 1 && none.difference == 0)
    let sure = RateDifference(
      baseline: Trials(count: 500, successes: 500), candidate: Trials(count: 500), errorProbability: 0.05)
    #expect(sure.difference == -1 && sure.lower == -1 && sure.upper < -0.95)
  }

  /// What the intervals are for: a fixed-sample 95% test, looked at as often, is wrong far more often than it says.
  @Test
  func `A plain 90% interval, looked at 25 times, misses more than twice as often`() {
    let (streams, trials, looks, rate) = (300, 1500, 25, 0.1)
    var random = SeededGenerator(seed: 11)
    var missed = 0
    for _ in 0..<streams {
      var successes = 0.0
      var everOutside = false
      for trial in 1...trials {
        if Double.random(in: 0..<1, using: &random) < rate { successes += 1 }
        guard trial % (trials / looks) == 0 else { continue }
        let mean = successes / Double(trial)
        let radius = 1.645 * (mean * (1 - mean) / Double(trial)).squareRoot()
        everOutside = everOutside || abs(mean - rate) > radius
      }
      missed += everOutside ? 1 : 0
    }
    #expect(missed > 60, "\(missed) of \(streams)")
  }
}

extension Trials {
  fileprivate mutating func add(_ isSuccess: Bool) {
    count += 1
    if isSuccess { successes += 1 }
  }
}
