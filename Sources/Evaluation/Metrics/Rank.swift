// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Where a target stands among its candidates.
///
/// Candidates that score the same as the target stand with it, in no order: every metric is the mean over the orders that
/// they could be in. A method gains nothing by giving the same score to many, and loses nothing.
package struct Rank: Sendable, Hashable {
  /// Candidates that score higher than the target.
  package let better: Int
  /// Other candidates that score the same.
  package let ties: Int

  package init(better: Int, ties: Int = 0) {
    precondition(better >= 0 && ties >= 0, "a count is not negative")
    self.better = better
    self.ties = ties
  }

  /// The target's rank among `others`, which the target is not one of. A NaN is never better nor a tie: see that there is
  /// none.
  package init(of target: Float, among others: some Sequence<Float>) {
    var (better, ties) = (0, 0)
    for score in others {
      if score > target {
        better += 1
      } else if score == target {
        ties += 1
      }
    }
    self.init(better: better, ties: ties)
  }

  /// Counted from 1: the mean of the positions that it may have.
  package var position: Double { Double(better) + 1 + Double(ties) / 2 }

  /// 1 when the target is one of the first `k`; with ties, the probability of that.
  package func hit(at k: Int) -> Double {
    min(max(Double(k - better) / Double(ties + 1), 0), 1)
  }

  /// Normalised discounted cumulative gain of the one relevant item: 1 / log2(position + 1) within the first `k`, else 0.
  ///
  /// - Source: Järvelin & Kekäläinen 2002.
  package func ndcg(at k: Int) -> Double {
    meanOverPositions(upTo: k) { 1 / log2(Double($0) + 1) }
  }

  /// 1 / position; its mean over users is the MRR.
  package var reciprocal: Double { meanOverPositions(upTo: better + ties + 1) { 1 / Double($0) } }

  private func meanOverPositions(upTo k: Int, _ gain: (Int) -> Double) -> Double {
    let last = min(k, better + ties + 1)
    guard last > better else { return 0 }
    return (better + 1...last).reduce(0) { $0 + gain($1) } / Double(ties + 1)
  }
}
