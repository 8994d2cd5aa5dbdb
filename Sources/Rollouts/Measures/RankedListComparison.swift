// SPDX-License-Identifier: Apache-2.0

import Basics
import Glibc

/// How far two answers to one query agree.
package struct RankedListComparison: Sendable, Equatable {
  /// The items in both lists over the length of the longer one; 1 for two empty lists.
  package let overlap: Double
  /// Rank-biased overlap, extrapolated: agreement at the top counts most.
  package let rankBiasedOverlap: Double
  /// (mean score of the candidate − mean score of the baseline) / mean magnitude of the baseline's scores, over the ranks that
  /// both have; 0 when there is none.
  package let scoreDrift: Double

  /// The persistence p of rank-biased overlap: the first ten ranks carry 86% of the weight.
  package static let persistence = 0.9

  /// - Parameters:
  ///   - baseline: items and scores, best first, each item once.
  ///   - candidate: likewise.
  package init(baseline: [(item: String, score: Float)], candidate: [(item: String, score: Float)]) {
    let depth = max(baseline.count, candidate.count)
    let agreement = Self.agreement(
      baseline.map { Identifier($0.item) }, candidate.map { Identifier($0.item) }, depth: depth)
    overlap = depth == 0 ? 1 : Double(agreement[depth - 1]) / Double(depth)
    rankBiasedOverlap = Self.rankBiasedOverlap(agreement)
    scoreDrift = Self.drift(baseline.map(\.score), candidate.map(\.score))
  }

  /// Items that the first d of both lists share, for d = 1 … depth.
  private static func agreement(_ a: [Identifier], _ b: [Identifier], depth: Int) -> [Int] {
    var seen: Set<Identifier> = []
    var shared = 0
    return (0..<depth).map { d in
      for list in [a, b] where d < list.count {
        if !seen.insert(list[d]).inserted { shared += 1 }
      }
      return shared
    }
  }

  /// RBO_ext = X_k/k · pᵏ + (1 − p)/p · Σ X_d/d · pᵈ, d = 1 … k; a list that ends early shares nothing further down.
  ///
  /// - Source: Webber, Moffat and Zobel, A similarity measure for indefinite rankings, TOIS 2010, eq. 30.
  private static func rankBiasedOverlap(_ agreement: [Int]) -> Double {
    guard let last = agreement.last else { return 1 }
    let p = persistence
    var weight = 1.0
    var sum = 0.0
    for (index, shared) in agreement.enumerated() {
      weight *= p
      sum += Double(shared) / Double(index + 1) * weight
    }
    return Double(last) / Double(agreement.count) * weight + (1 - p) / p * sum
  }

  private static func drift(_ baseline: [Float], _ candidate: [Float]) -> Double {
    let ranks = min(baseline.count, candidate.count)
    guard ranks > 0 else { return 0 }
    let magnitude = baseline.prefix(ranks).reduce(0.0) { $0 + Double(abs($1)) }
    let difference = zip(baseline, candidate).reduce(0.0) { $0 + Double($1.1) - Double($1.0) }
    return difference / max(magnitude, Double(Float.leastNormalMagnitude))
  }
}
