// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A rate and an interval that holds it at every moment at once: one may look as often as one likes, and stop whenever one
/// likes, and the true rate was ever outside with probability at most `errorProbability`.
///
/// The interval holds every p that a mixture of likelihood ratios has not ruled out:
///
///     M(p) = B(s + ½, n − s + ½) / B(½, ½) / (pˢ · (1 − p)ⁿ⁻ˢ)  <  1 / errorProbability
///
/// For the true p, M is a martingale that starts at 1, so that by Ville's inequality it ever reaches 1/δ with probability at
/// most δ. Exact for Bernoulli trials of any rate: no normal approximation.
///
/// - Source: Robbins, Statistical methods related to the law of the iterated logarithm, Ann. Math. Stat. 1970; Howard, Ramdas,
///   McAuliffe and Sekhon, Time-uniform, nonparametric, nonasymptotic confidence sequences, Ann. Stat. 2021.
package struct RateInterval: Sendable, Equatable {
  /// successes / trials; 0 without trials.
  package let rate: Double
  package let lower: Double
  package let upper: Double

  /// - Parameter errorProbability: δ < 1; below `minErrorProbability` it counts as that.
  package init(successes: UInt64, trials: UInt64, errorProbability: Double) {
    precondition(successes <= trials && errorProbability < 1)
    let mixture = BetaMixture(Trials(count: trials, successes: successes))
    let bound = logBound(errorProbability)
    let rate = trials == 0 ? 0 : Double(successes) / Double(trials)
    self.rate = rate
    lower = boundary(from: 0, to: rate) { mixture.logRatio(at: $0) >= bound }
    upper = boundary(from: 1, to: rate) { mixture.logRatio(at: $0) >= bound }
  }
}

/// The difference of two rates, candidate − baseline, with an interval that holds it at every moment at once.
///
/// The arms' mixtures are independent, so that their product is a martingale as well: the interval holds every difference d for
/// which some p with M₁(p) · M₂(p + d) < 1 / δ is left: about a seventh narrower than the two arms' own intervals at δ / 2 each.
/// The arms may differ in size and grow in any order.
package struct RateDifference: Sendable, Equatable {
  package let difference: Double
  package let lower: Double
  package let upper: Double

  package init(baseline: Trials, candidate: Trials, errorProbability: Double) {
    let (base, other) = (BetaMixture(baseline), BetaMixture(candidate))
    let bound = logBound(errorProbability)
    let isRuledOut = { (difference: Double) in
      let p = Self.likeliestRate(base, other, difference: difference)
      return base.logRatio(at: p) + other.logRatio(at: p + difference) >= bound
    }
    let difference = candidate.rate - baseline.rate
    self.difference = difference
    lower = boundary(from: -1, to: difference, isRuledOut)
    upper = boundary(from: 1, to: difference, isRuledOut)
  }

  /// The baseline's rate that explains both arms best when the candidate's is higher by `difference`: where the slope of the
  /// convex sum of both mixtures changes its sign.
  private static func likeliestRate(_ base: BetaMixture, _ other: BetaMixture, difference: Double) -> Double {
    var low = max(0, -difference)
    var high = min(1, 1 - difference)
    for _ in 0..<60 {
      let middle = (low + high) / 2
      if base.slope(at: middle) + other.slope(at: middle + difference) > 0 { high = middle } else { low = middle }
    }
    return (low + high) / 2
  }
}

extension RateInterval {
  /// Far below what gates accept, and far above where a half of it is 0 and nothing is ever ruled out.
  package static let minErrorProbability = 1e-300
}

/// ln(1 / δ), finite whatever a file says.
private func logBound(_ errorProbability: Double) -> Double {
  -log(max(errorProbability, RateInterval.minErrorProbability))
}

/// ln M(p) of `RateInterval`, for the trials of one arm: convex in p.
private struct BetaMixture {
  private let successes: Double
  private let failures: Double
  private let logMarginal: Double

  init(_ trials: Trials) {
    successes = Double(trials.successes)
    failures = Double(trials.count - trials.successes)
    logMarginal = Self.logBeta(successes + 0.5, failures + 0.5) - Self.logBeta(0.5, 0.5)
  }

  func logRatio(at p: Double) -> Double {
    logMarginal - Self.logPower(successes, p) - Self.logPower(failures, 1 - p)
  }

  func slope(at p: Double) -> Double {
    (failures == 0 ? 0 : failures / max(1 - p, 0)) - (successes == 0 ? 0 : successes / max(p, 0))
  }

  /// exponent · ln(base), with 0 · ln(0) = 0; a base that rounding took below 0 counts as 0.
  private static func logPower(_ exponent: Double, _ base: Double) -> Double {
    exponent == 0 ? 0 : exponent * log(max(base, 0))
  }

  private static func logBeta(_ a: Double, _ b: Double) -> Double {
    var sign: Int32 = 0
    return lgamma_r(a, &sign) + lgamma_r(b, &sign) - lgamma_r(a + b, &sign)
  }
}

/// Where ruling out ends between `outside` and `inside`, on the side that is ruled out: rounding widens the interval.
private func boundary(from outside: Double, to inside: Double, _ isRuledOut: (Double) -> Bool) -> Double {
  guard outside != inside, isRuledOut(outside) else { return outside }
  var outside = outside
  var inside = inside
  for _ in 0..<60 {
    let middle = (outside + inside) / 2
    if isRuledOut(middle) { outside = middle } else { inside = middle }
  }
  return outside
}

/// Trials that went one way or the other.
package struct Trials: Codable, Sendable, Equatable {
  package var count: UInt64
  package var successes: UInt64

  package init(count: UInt64 = 0, successes: UInt64 = 0) {
    self.count = count
    self.successes = successes
  }

  package static func + (first: Trials, second: Trials) -> Trials {
    Trials(count: first.count + second.count, successes: first.successes + second.successes)
  }

  /// 0 without trials.
  package var rate: Double { count == 0 ? 0 : Double(successes) / Double(count) }

  package func interval(errorProbability: Double) -> RateInterval {
    RateInterval(successes: successes, trials: count, errorProbability: errorProbability)
  }
}
