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

  /// - Parameter errorProbability: 0 < δ < 1.
  package init(successes: UInt64, trials: UInt64, errorProbability: Double) {
    precondition(successes <= trials && errorProbability > 0 && errorProbability < 1)
    guard trials > 0 else {
      rate = 0
      lower = 0
      upper = 1
      return
    }
    let s = Double(successes)
    let n = Double(trials)
    let rate = s / n
    let mixture = Self.logBeta(s + 0.5, n - s + 0.5) - Self.logBeta(0.5, 0.5)
    let isRuledOut = { (p: Double) in
      mixture - Self.logPower(s, p) - Self.logPower(n - s, 1 - p) >= -log(errorProbability)
    }
    self.rate = rate
    lower = Self.boundary(from: 0, to: rate, isRuledOut)
    upper = Self.boundary(from: 1, to: rate, isRuledOut)
  }

  /// Where ruling out ends between `outside` and `inside`, on the side that is ruled out: rounding widens the interval.
  private static func boundary(from outside: Double, to inside: Double, _ isRuledOut: (Double) -> Bool) -> Double {
    guard outside != inside, isRuledOut(outside) else { return outside }
    var outside = outside
    var inside = inside
    for _ in 0..<60 {
      let middle = (outside + inside) / 2
      if isRuledOut(middle) { outside = middle } else { inside = middle }
    }
    return outside
  }

  /// exponent · ln(base), with 0 · ln(0) = 0.
  private static func logPower(_ exponent: Double, _ base: Double) -> Double {
    exponent == 0 ? 0 : exponent * log(base)
  }

  private static func logBeta(_ a: Double, _ b: Double) -> Double {
    var sign: Int32 = 0
    return lgamma_r(a, &sign) + lgamma_r(b, &sign) - lgamma_r(a + b, &sign)
  }
}

/// The difference of two rates, candidate − baseline, with an interval that holds it at every moment at once.
///
/// Each rate has its interval at half the error probability; by the union bound both hold together, and with them the
/// difference of their ends. The arms may differ in size and grow in any order.
package struct RateDifference: Sendable, Equatable {
  package let difference: Double
  package let lower: Double
  package let upper: Double

  package init(baseline: Trials, candidate: Trials, errorProbability: Double) {
    let base = baseline.interval(errorProbability: errorProbability / 2)
    let other = candidate.interval(errorProbability: errorProbability / 2)
    difference = other.rate - base.rate
    lower = other.lower - base.upper
    upper = other.upper - base.lower
  }
}

/// Trials that went one way or the other.
package struct Trials: Sendable, Equatable {
  package var count: UInt64
  package var successes: UInt64

  package init(count: UInt64 = 0, successes: UInt64 = 0) {
    self.count = count
    self.successes = successes
  }

  package func interval(errorProbability: Double) -> RateInterval {
    RateInterval(successes: successes, trials: count, errorProbability: errorProbability)
  }
}
