// SPDX-License-Identifier: Apache-2.0

import Datasets
import Evaluation
import Models
import Testing

@testable import Training

@Suite("EASE ranks by a linear map") struct EASETests {
  /// Training parts {0, 1}, {1, 2} and {1}; the last two items of each user are held back.
  private static func dataset(items: Int = 5) -> Dataset {
    Dataset(
      items: (0..<items).map { Dataset.Item(id: "\($0)") },
      users: [[0, 1, 0, 3, 3], [1, 2, 3, 3], [1, 3, 3]].enumerated().map { Dataset.User(id: "\($0)", items: $1) })
  }

  private static func ease(decay: Double) throws -> EASE {
    var settings = EASE.Settings()
    settings.regularization = 1
    settings.decay = decay
    return try EASE(dataset: dataset(), settings: settings)
  }

  private static func scores(_ history: [Int], decay: Double) throws -> [Float] {
    let query = RankingQuery(user: 0, history: history, candidates: [0, 1, 2, 3])
    return try Self.ease(decay: decay).scores(of: [query])[0]
  }

  /// With λ = 1, B of the items 0 to 2 is [[0, 1/2, -1/7], [2/7, 0, 2/7], [-1/7, 1/2, 0]]; item 3 is met by nobody.
  @Test func `Scores are sums of the weights`() throws {
    let expected: [Float] = [2 / 7, 1 / 2, 2 / 7 - 1 / 7, 0]
    for (found, expected) in zip(try Self.scores([0, 1], decay: 1), expected) { #expect(abs(found - expected) < 1e-6) }
    #expect(try Self.scores([], decay: 1) == [0, 0, 0, 0])
  }

  @Test func `Older items count less`() throws {
    let expected: [Float] = [2 / 7, 1 / 4, 2 / 7 - 1 / 14, 0]
    for (found, expected) in zip(try Self.scores([0, 1], decay: 0.5), expected) {
      #expect(abs(found - expected) < 1e-6)
    }
  }

  @Test func `An item that was met again counts where it was met last`() throws {
    let expected: [Float] = [1 / 7, 1 / 2, 1 / 7 - 1 / 7, 0]
    for (found, expected) in zip(try Self.scores([0, 1, 0], decay: 0.5), expected) {
      #expect(abs(found - expected) < 1e-6)
    }
  }

  /// All of B's rank: the product of an item's first half with another's second half is the weight between them.
  @Test func `Features are the factors of the weights`() throws {
    let features = try Self.ease(decay: 1).features(rank: 5, seed: 1)
    #expect(features.rows == 5 && features.columns == 10)
    let weights: [[Float]] = [[0, 1 / 2, -1 / 7], [2 / 7, 0, 2 / 7], [-1 / 7, 1 / 2, 0]]
    for i in 0..<3 {
      for j in 0..<3 {
        let product = zip(features[row: i].prefix(5), features[row: j].suffix(5)).reduce(0) { $0 + $1.0 * $1.1 }
        #expect(abs(product - weights[i][j]) < 1e-5, "\(i) \(j)")
      }
    }
    for unmet in 3..<5 { #expect(features[row: unmet].allSatisfy { $0.isNaN }) }
  }

  @Test func `Held-out items have no part in it`() throws {
    var other = Self.dataset()
    for user in other.users.indices { other.users[user].items[other.users[user].items.count - 1] = 4 }
    var settings = EASE.Settings()
    settings.regularization = 1
    let (first, second) = (
      try EASE(dataset: Self.dataset(), settings: settings), try EASE(dataset: other, settings: settings)
    )
    let queries = [RankingQuery(user: 0, history: [0, 1, 2, 3], candidates: [0, 1, 2, 3, 4])]
    #expect(first.scores(of: queries) == second.scores(of: queries))
  }

  /// Users who walk round a circle: what comes next is told by what came last.
  @Test func `The newest items tell what comes next`() throws {
    let dataset = SASRecTrainingTests.circle()
    let task = try RankingTask(dataset: dataset, part: .test, candidates: .catalog)
    var settings = EASE.Settings()
    settings.regularization = 5
    settings.decay = 0.5
    let ranks = try task.rank(with: EASE(dataset: dataset, settings: settings)).ranks
    #expect(Metric.hit(5).mean(over: ranks) > 0.9)
  }

  @Test(arguments: [(0.0, 1.0), (-1, 1), (.nan, 1), (.infinity, 1), (1, 0), (1, -0.5), (1, 1.5), (1, .nan)])
  func `Settings without a sense are refused`(regularization: Double, decay: Double) {
    var settings = EASE.Settings()
    settings.regularization = regularization
    settings.decay = decay
    let error = #expect(throws: TrainingError.self) { try EASE(dataset: Self.dataset(), settings: settings) }
    #expect(error?.code == .invalidInput)
  }

  @Test func `A catalog that is too large is refused before anything is computed`() {
    let error = #expect(throws: TrainingError.self) { try EASE(dataset: Self.dataset(items: EASE.maxItems + 1)) }
    #expect(error?.code == .invalidInput && error?.message.contains("20001 items") == true)
  }

  @Test func `Data without a training sequence is refused`() {
    let dataset = Dataset(items: [.init(id: "a"), .init(id: "b")], users: [.init(id: "u", items: [0, 1])])
    let error = #expect(throws: TrainingError.self) { try EASE(dataset: dataset) }
    #expect(error?.code == .empty)
  }

  @Test(arguments: [0, -1, 6]) func `Factors of a rank that there is not are refused`(rank: Int) throws {
    let ease = try Self.ease(decay: 1)
    let error = #expect(throws: TrainingError.self) { try ease.features(rank: rank, seed: 1) }
    #expect(error?.code == .invalidInput)
  }
}
