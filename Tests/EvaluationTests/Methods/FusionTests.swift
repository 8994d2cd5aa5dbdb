// SPDX-License-Identifier: Apache-2.0

import Datasets
import Testing

@testable import Evaluation

@Suite("Methods are fused by what they say of a user's candidates") struct FusionTests {
  /// The same scores for every query.
  private struct Fixed: RankingMethod {
    let name = "fixed"
    let usersAtOnce: Int
    let score: @Sendable (RankingQuery, Int) -> Float
    func scores(of queries: [RankingQuery]) -> [[Float]] {
      queries.map { query in query.candidates.map { score(query, $0) } }
    }
  }

  @Test func `Scores are standardised: a mean of 0, a deviation of 1, whatever their size`() {
    let small = FusedMethod.standardised([1, 2, 3, 4])
    let large = FusedMethod.standardised([1000, 2000, 3000, 4000])
    #expect(zip(small, large).allSatisfy { abs($0 - $1) < 1e-6 })
    #expect(abs(small.reduce(0, +)) < 1e-6)
    #expect(abs(small[3] - 1.5 / Float(1.25).squareRoot()) < 1e-6)
  }

  @Test func `A candidate that a method did not name gets its lowest score, and equal scores say nothing`() {
    let scores = FusedMethod.standardised([3, -.infinity, 1])
    #expect(scores[1] == scores[2] && scores[0] > scores[1])
    #expect(FusedMethod.standardised([5, 5, 5]) == [0, 0, 0])
    #expect(FusedMethod.standardised([-.infinity, -.infinity]) == [0, 0])
  }

  @Test func `A fusion weighs its parts`() throws {
    let up = Fixed(usersAtOnce: 3) { Float($1) }
    let down = Fixed(usersAtOnce: 2) { -1000 * Float($1) }
    let query = RankingQuery(user: 0, history: [], candidates: [0, 1, 2])
    func order(_ weights: [Float]) throws -> [Int] {
      let scores = try FusedMethod(name: "both", parts: [up, down], weights: weights).scores(of: [query])[0]
      return scores.indices.sorted { scores[$0] > scores[$1] }
    }
    #expect(try order([1, 0.5]) == [2, 1, 0])
    #expect(try order([0.5, 1]) == [0, 1, 2])
    #expect(FusedMethod(name: "both", parts: [up, down], weights: [1, 1]).usersAtOnce == 2)
  }

  /// Eight users whose validation item is 10 to 17 and whose test item is item 0.
  private let dataset = Dataset(
    items: (0..<30).map { Dataset.Item(id: "\($0)") },
    users: (0..<8).map { .init(id: "u\($0)", items: [20, 10 + $0, 0], negatives: Array(1...9) + Array(21..<30)) })

  @Test func `Weights are chosen by the validation items, and what misleads there gets none`() throws {
    let task = try RankingTask(dataset: dataset, part: .validation, candidates: .negatives)
    let knows = Fixed(usersAtOnce: 3) { _, item in (10...17).contains(item) ? 1 : 0 }
    let misleads = Fixed(usersAtOnce: 2) { _, item in (10...17).contains(item) ? -1000 : Float(item) }
    let fit = try FusionFit([misleads, knows], on: task)
    #expect(fit.value == 1)
    #expect(fit.weights[1] > fit.weights[0])
    let fused = FusedMethod(name: "both", parts: [misleads, knows], weights: fit.weights)
    #expect(try task.rank(with: fused).ranks.allSatisfy { $0.better == 0 })
    #expect(try FusionFit([misleads, knows], on: task).weights == fit.weights)
  }

  @Test func `Items like the newest ones in their features come first, and one without features is like none`() {
    let features: [[Float]?] = [[1, 0], [0.9, 0.1], [-1, 0.2], nil, [0, -1]]
    let method = ContentNeighbours(name: "text-knn", features: features)
    let scores = method.scores(of: [RankingQuery(user: 0, history: [0, 3], candidates: [1, 2, 3])])[0]
    #expect(scores[0] > scores[2] && scores[2] > scores[1] && scores[2] == 0)
    let unknown = method.scores(of: [RankingQuery(user: 0, history: [3], candidates: [1, 2])])[0]
    #expect(unknown == [0, 0])
    let newest = ContentNeighbours(name: "text-knn", features: features, historyItems: 1)
    let query = RankingQuery(user: 0, history: [2, 0], candidates: [1])
    #expect(newest.scores(of: [query])[0][0] > method.scores(of: [query])[0][0])
  }

  @Test func `Users are told apart by how often their held-out item was met in training`() throws {
    let items = (0..<60).map { Dataset.Item(id: "\($0)") }
    // Item 0 is in 45 training sequences, item 1 in 5; nobody has met item 2.
    let crowd = (0..<45).map { Dataset.User(id: "c\($0)", items: [0] + ($0 < 5 ? [1] : []) + [3, 4], negatives: [9]) }
    let asked = [0, 1, 2].map { Dataset.User(id: "a\($0)", items: [50, 51, $0], negatives: [9, 10]) }
    let task = try RankingTask(
      dataset: Dataset(items: items, users: crowd + asked), part: .test, candidates: .negatives, users: [45, 46, 47])
    let bands = PopularityBand.all(of: task)
    #expect(bands.map(\.text) == ["0", "1 to 5", "41 or more"])
    #expect(bands.map(\.places) == [[2], [1], [0]])
    let report = MethodReport(name: "one", results: [try task.rank(with: Fixed(usersAtOnce: 9) { Float(2 - $1) })])
    let estimate = report.estimates(of: [.hit(1)], in: bands[2], Bootstrap(resamples: 10))[0]
    #expect(estimate.value == 1 && estimate.low == 1)
  }
}
