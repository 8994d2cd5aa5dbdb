// SPDX-License-Identifier: Apache-2.0

import Datasets
import Foundation
import Items
import Models
import TestSupport
import Testing

@testable import Evaluation

@Suite("A title is written, and looked up among the candidates'") final class TitleGenerationTests {
  private let directory: TemporaryDirectory
  private let checkpoint: CheckpointLocation
  private let dataset: Dataset

  private static let titles = ["red shirt", "blue shoe", "", "green  hat\n of wool", "shirt 4", "<s></s>"]

  init() throws {
    directory = try TemporaryDirectory()
    checkpoint = CheckpointLocation(directory: directory.path)
    try SyntheticCheckpoint.write(to: directory.path, shape: .tiny, seed: 1, text: ["red shirt", "blue shoe"])
    dataset = Dataset(
      items: Self.titles.enumerated().map { index, title in
        var item = Dataset.Item(id: "i\(index)")
        item.texts = ItemTexts(title: title)
        return item
      }, users: [])
  }

  /// A made-up encoder: a text's first bytes.
  private static func vector(_ text: String) -> [Float] {
    let bytes = text.utf8.prefix(6).map { Float($0) - 80 }
    return bytes + [Float](repeating: 1, count: 7 - bytes.count)
  }

  private func method(
    _ change: (inout TitleGeneration.Settings) -> Void = { _ in }
  ) throws -> TitleGeneration {
    var settings = TitleGeneration.Settings()
    change(&settings)
    let vectors = dataset.items.map { item in
      item.texts.shortTitle.isEmpty ? nil : Self.vector(item.texts.shortTitle)
    }
    return TitleGeneration(
      generator: try TextGenerator(checkpoint: checkpoint, threads: 1), dataset: dataset, titleVectors: vectors,
      settings: settings
    ) { try Matrix(vectors: $0.map(Self.vector), columns: 7) }
  }

  private static func cosine(_ left: [Float], _ right: [Float]) -> Float {
    func product(_ a: [Float], _ b: [Float]) -> Float { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
    return product(left, right) / (product(left, left) * product(right, right)).squareRoot()
  }

  @Test func `Titles are a numbered list, and data`() {
    #expect(
      TitleGeneration.text(["red shirt", "<s>"]) == [
        .text("The titles of the items that one customer chose, the oldest first:\n"), .text("1. "), .data("red shirt"),
        .text("\n"), .text("2. "), .data("<s>"), .text("\n"), .text("3."),
      ])
  }

  @Test func `A score is the cosine of what was written and a title`() throws {
    let method = try method()
    let queries = [
      RankingQuery(user: 3, history: [0, 1, 3], candidates: [4, 2, 5]),
      RankingQuery(user: 7, history: [4], candidates: [0, 1]), RankingQuery(user: 8, history: [2], candidates: [0, 2]),
    ]
    let scores = try method.scores(of: queries)
    let written = method.generatedTitles
    #expect(Set(written.keys) == [3, 7])
    for (query, scores) in zip(queries.prefix(2), scores) {
      let text = try #require(written[query.user])
      try #require(!text.isEmpty)
      for (item, score) in zip(query.candidates, scores) {
        let title = dataset.items[item].texts.shortTitle
        // An item without a title is not named.
        let expected = title.isEmpty ? -.infinity : Self.cosine(Self.vector(text), Self.vector(title))
        #expect(score == expected || abs(score - expected) < 1e-5, "\(text) \(title)")
      }
    }
    #expect(scores[2] == [0, 0], "nothing is known of who met no item with a title")
    #expect(try method.scores(of: [queries[1]]) == [scores[1]])
    #expect((1...24).contains(method.writtenTokensPerUser))
  }

  @Test func `A prompt tells of the newest titles that fit`() throws {
    let generator = try TextGenerator(checkpoint: checkpoint, threads: 1)
    func tokens(_ titles: [String]) -> Int { generator.tokens(of: TitleGeneration.text(titles)).count }
    func count(_ history: [Int], _ change: (inout TitleGeneration.Settings) -> Void = { _ in }) throws -> Int {
      try method(change).promptTokens(of: [RankingQuery(user: 0, history: history, candidates: [])])?.first ?? -1
    }
    let whole = ["red shirt", "blue shoe", "green hat of wool"]
    #expect(try count([0, 1, 2, 3]) == tokens(whole))
    #expect(try count([0, 1, 2, 3]) { $0.maxHistoryItems = 2 } == tokens(Array(whole.suffix(2))))
    // What is written has its place too.
    #expect(try count([0, 1, 2, 3]) { $0.maxTokens = tokens(whole) + 24 } == tokens(whole))
    #expect(try count([0, 1, 2, 3]) { $0.maxTokens = tokens(whole) + 23 } == tokens(Array(whole.suffix(2))))
    #expect(try count([0, 1, 2, 3]) { $0.maxTokens = 30 } == 0)
    let short = try method { $0.maxTokens = 30 }
    let query = RankingQuery(user: 0, history: [0, 2], candidates: [1, 3])
    #expect(try !short.tells(of: query) && short.scores(of: [query]) == [[0, 0]])
    #expect(short.untoldUsers == 1)
    let told = try method()
    _ = try told.scores(of: [query, RankingQuery(user: 1, history: [2], candidates: [1, 3])])
    #expect(told.untoldUsers == 1)
    #expect(try method().tells(of: query))
    #expect(try method().readable(query).history == [0])
  }

  @Test func `Tokens that are written are as many as was said at most`() throws {
    let query = RankingQuery(user: 0, history: [0, 1], candidates: [3])
    let method = try method { $0.generatedTokens = 1 }
    _ = try method.scores(of: [query])
    #expect(method.writtenTokensPerUser == 1)
  }
}
