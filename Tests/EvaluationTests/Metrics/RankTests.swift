// SPDX-License-Identifier: Apache-2.0

import Datasets
import Evaluation
import Glibc
import Testing

@Suite("Metrics come from ranks") struct RankTests {
  @Test func `A rank counts what scores higher and the same`() {
    let rank = Rank(of: 2, among: [3, 2, 1, 2, 5])
    #expect(rank == Rank(better: 2, ties: 2))
    #expect(rank.position == 4)
    #expect(Rank(of: 1, among: [Float]()) == Rank(better: 0))
  }

  @Test func `A rank without ties has the metrics of its place`() {
    let rank = Rank(better: 2)
    #expect(rank.hit(at: 2) == 0 && rank.hit(at: 3) == 1)
    #expect(rank.ndcg(at: 2) == 0)
    #expect(rank.ndcg(at: 5) == 0.5)  // 1 / log2(4)
    #expect(rank.reciprocal == 1.0 / 3)
    #expect(Rank(better: 0).ndcg(at: 1) == 1)
  }

  @Test func `A method that scores all the same is as good as chance`() {
    let rank = Rank(of: 0, among: [Float](repeating: 0, count: 100))
    #expect(rank.hit(at: 5) == 5.0 / 101)
    let chance = (1...5).reduce(0) { $0 + 1 / log2(Double($1) + 1) } / 101
    #expect(abs(rank.ndcg(at: 5) - chance) < 1e-12)
  }

  /// The mean over the orders of the ties, one by one.
  @Test(arguments: 0..<20) func `Ties count as the mean over their orders`(seed: Int) {
    var random = SplitMix64(state: UInt64(seed))
    let rank = Rank(better: random.next(below: 8), ties: random.next(below: 8))
    let orders = (0...rank.ties).map { Rank(better: rank.better + $0) }
    for metric in Metric.standard {
      // Sums of at most eight terms in another order.
      #expect(abs(metric.value(of: rank) - metric.mean(over: orders)) < 1e-12)
    }
  }

  @Test func `A mean over nobody is zero`() {
    #expect(Metric.mrr.mean(over: []) == 0)
    #expect(Metric.hit(5).mean(over: [Rank(better: 0), Rank(better: 9)]) == 0.5)
    #expect(Metric.standard.map(\.description).first == "Hit@5")
  }
}
