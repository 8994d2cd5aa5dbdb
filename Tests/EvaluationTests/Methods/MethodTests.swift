// SPDX-License-Identifier: Apache-2.0

import Datasets
import Evaluation
import Testing

@Suite("Simple methods rank items") struct MethodTests {
  /// Training parts: [0 1 2], [0 1], [2 3], [0 4].
  private let dataset = Dataset(
    items: (0..<8).map { Dataset.Item(id: "\($0)") },
    users: [[0, 1, 2, 6, 7], [0, 1, 6, 7], [2, 3, 6, 7], [0, 4, 7, 6]].enumerated().map {
      Dataset.User(id: "u\($0)", items: $1)
    })

  @Test func `Popularity counts training sequences alone`() {
    let method = Popularity(dataset: dataset)
    #expect(method.counts == [3, 2, 2, 1, 1, 0, 0, 0])
    #expect(method.scores(of: [RankingQuery(user: 0, history: [], candidates: [6, 0, 1])]) == [[0, 3, 2]])
  }

  @Test func `Chance has a seed and no memory`() {
    let query = RankingQuery(user: 2, history: [], candidates: [3, 5, 1])
    let alone = RankingQuery(user: 2, history: [4], candidates: [5])
    let scores = RandomOrder(seed: 1).scores(of: [query, alone])
    #expect(scores[0][1] == scores[1][0])
    #expect(RandomOrder(seed: 2).scores(of: [query])[0] != scores[0])
    #expect(Set(scores[0]).count == 3)
  }

  @Test func `Neighbours share users`() {
    let method = ItemNeighbours(dataset: dataset)
    let scores = method.scores(of: [RankingQuery(user: 0, history: [0, 3], candidates: [1, 2, 4, 5])])[0]
    // Users: 0 of {a b d}, 1 of {a b}, 2 of {a c}, 3 of {c}, 4 of {d}.
    let root3 = Float(3).squareRoot()
    let root2 = Float(2).squareRoot()
    #expect(scores == [2 / (root2 * root3), 1 / (root2 * root3) + 1 / (root2 * 1), 1 / (1 * root3), 0])
  }

  @Test func `Neighbours and history have bounds`() {
    var settings = ItemNeighbours.Settings()
    settings.neighbours = 1
    // The nearest of 2 is 3; 0 no longer counts for it.
    let query = RankingQuery(user: 0, history: [3, 0], candidates: [2])
    let root2 = Float(2).squareRoot()
    #expect(ItemNeighbours(dataset: dataset, settings: settings).scores(of: [query]) == [[1 / root2]])
    settings.historyItems = 1
    #expect(ItemNeighbours(dataset: dataset, settings: settings).scores(of: [query]) == [[0]])
    settings = ItemNeighbours.Settings()
    settings.shrinkage = 2
    let shrunk = ItemNeighbours(dataset: dataset, settings: settings).scores(of: [
      RankingQuery(user: 0, history: [3], candidates: [2])
    ])
    #expect(shrunk == [[1 / (root2 + 2)]])
  }
}
