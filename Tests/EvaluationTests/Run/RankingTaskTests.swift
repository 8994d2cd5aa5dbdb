// SPDX-License-Identifier: Apache-2.0

import Datasets
import Evaluation
import Testing

@Suite("A task ranks targets among candidates") struct RankingTaskTests {
  /// Scores an item by its index.
  private struct ByIndex: RankingMethod {
    let name = "by index"
    var usersAtOnce = 1
    var broken = false
    var readsPrompts = false
    func promptTokens(of queries: [RankingQuery]) -> [Int]? { readsPrompts ? queries.map { 10 + $0.user } : nil }
    func scores(of queries: [RankingQuery]) -> [[Float]] {
      queries.map { $0.candidates.map { broken && $0 == 2 ? .nan : Float($0) } }
    }
  }

  private static let dataset = Dataset(
    items: (0..<6).map { Dataset.Item(id: "i\($0)") },
    users: [
      Dataset.User(id: "a", items: [0, 1, 3], negatives: [2, 4, 5]),
      Dataset.User(id: "b", items: [5, 4, 2], negatives: [0, 3, 2]),
      Dataset.User(id: "c", items: [1, 2], negatives: [0]),
    ])

  @Test func `Targets stand among their negatives`() throws {
    let task = try RankingTask(dataset: Self.dataset, part: .test, candidates: .negatives)
    #expect(task.users == [0, 1, 2])
    // A negative that is the target is left out.
    #expect(task.query(of: 1) == RankingQuery(user: 1, history: [5, 4], candidates: [2, 0, 3]))
    let result = try task.rank(with: ByIndex())
    #expect(result.ranks == [Rank(better: 2), Rank(better: 1), Rank(better: 0)])
    #expect(result.coverage == 5.0 / 6)
    #expect(result.values(of: .mrr) == [1.0 / 3, 1.0 / 2, 1])
    #expect(result.secondsPer100Users >= 0)
    #expect(result.tokensPerUser == nil)
    #expect(try task.rank(with: ByIndex(usersAtOnce: 2, readsPrompts: true)).tokensPerUser == 11)
  }

  @Test func `The catalog leaves out what was met`() throws {
    let task = try RankingTask(dataset: Self.dataset, part: .validation, candidates: .catalog)
    // Too short for a validation item with a history: c.
    #expect(task.users == [0, 1])
    #expect(task.query(of: 0) == RankingQuery(user: 0, history: [0], candidates: [1, 2, 3, 4, 5]))
    #expect(try task.rank(with: ByIndex(usersAtOnce: 2)).ranks == [Rank(better: 4), Rank(better: 0)])
  }

  @Test func `Progress counts users and may end it`() throws {
    let task = try RankingTask(dataset: Self.dataset, part: .test, candidates: .negatives)
    var counts: [Int] = []
    _ = try task.rank(with: ByIndex()) { counts.append($0) }
    #expect(counts == [1, 2, 3])
    #expect(throws: CancellationError.self) { try task.rank(with: ByIndex()) { _ in throw CancellationError() } }
  }

  @Test func `Coverage is of the first ten`() throws {
    let dataset = Dataset(
      items: (0..<40).map { Dataset.Item(id: "\($0)") }, users: [Dataset.User(id: "a", items: [0, 1, 2])])
    let task = try RankingTask(dataset: dataset, part: .test, candidates: .catalog)
    #expect(try task.rank(with: ByIndex()).coverage == 0.25)
  }

  @Test func `An item that is not named stands behind all and covers nothing`() throws {
    let task = try RankingTask(dataset: Self.dataset, part: .validation, candidates: .catalog)
    var tally = RankTally(task, method: "lists")
    // Users may come in any order. Of a's candidates 1, 2, 3, 4 and 5 the target is 1.
    try tally.add([1, -.infinity, -.infinity, -.infinity, -.infinity], of: task.query(of: 1), at: 1)
    try tally.add([-.infinity, -.infinity, 2, 1, -.infinity], of: task.query(of: 0), at: 0)
    #expect(tally.unnamed == 1)
    let result = tally.result(scoringTime: .seconds(1), tokens: 30)
    #expect(result.ranks == [Rank(better: 4), Rank(better: 0)])
    // 3 and 4, and b's target 4.
    #expect(result.coverage == 2.0 / 6)
    #expect(result.tokensPerUser == 15 && result.secondsPer100Users == 50)
  }

  @Test func `What cannot be ranked is said`() throws {
    #expect { try RankingTask(dataset: Dataset(items: [], users: []), part: .test, candidates: .catalog) } throws: {
      ($0 as? EvaluationError)?.code == .empty
    }
    var dataset = Self.dataset
    dataset.users[1].negatives = []
    #expect { try RankingTask(dataset: dataset, part: .test, candidates: .negatives) } throws: {
      ($0 as? EvaluationError)?.message.contains("user b") ?? false
    }
    let task = try RankingTask(dataset: Self.dataset, part: .test, candidates: .negatives)
    #expect { try task.rank(with: ByIndex(broken: true)) } throws: {
      ($0 as? EvaluationError)?.message.contains("item i2 for user a") ?? false
    }
  }
}
