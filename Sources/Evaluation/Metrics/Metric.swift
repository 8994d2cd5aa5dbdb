// SPDX-License-Identifier: Apache-2.0

/// A number between 0 and 1 that a rank earns; a method's is the mean over users.
package enum Metric: Sendable, Hashable, CustomStringConvertible {
  /// The target is one of the first k.
  case hit(Int)
  /// Discounted by the logarithm of its position.
  case ndcg(Int)
  /// Reciprocal rank.
  case mrr

  /// Those of the published tables, and k = 20.
  package static let standard: [Metric] = [.hit(5), .ndcg(5), .hit(10), .ndcg(10), .hit(20), .ndcg(20), .mrr]

  package func value(of rank: Rank) -> Double {
    switch self {
    case .hit(let k): rank.hit(at: k)
    case .ndcg(let k): rank.ndcg(at: k)
    case .mrr: rank.reciprocal
    }
  }

  /// The mean over `ranks`, 0 for none.
  package func mean(over ranks: some Collection<Rank>) -> Double {
    ranks.isEmpty ? 0 : ranks.reduce(0) { $0 + value(of: $1) } / Double(ranks.count)
  }

  /// "Hit@5", "NDCG@10", "MRR".
  package var description: String {
    switch self {
    case .hit(let k): "Hit@\(k)"
    case .ndcg(let k): "NDCG@\(k)"
    case .mrr: "MRR"
    }
  }
}
