// SPDX-License-Identifier: Apache-2.0

import Datasets
import Evaluation
import Foundation
import Items
import Models
import TestSupport
import Testing

@Suite("A checkpoint ranks items") final class CheckpointRecommenderTests {
  private let directory: TemporaryDirectory
  private let checkpoint: CheckpointLocation
  private let dataset: Dataset
  private var features: [ItemFeatures] = []

  init() throws {
    directory = try TemporaryDirectory()
    checkpoint = CheckpointLocation(directory: directory.path)
    let shape = SyntheticCheckpoint.Shape.tiny
    try SyntheticCheckpoint.write(to: directory.path, shape: shape, seed: 1, text: ["red shirt", "blue shoe"])
    dataset = Dataset(
      items: (0..<6).map { index in
        var item = Dataset.Item(id: "i\(index)")
        item.texts = ItemTexts(title: "shirt \(index)", brand: "Acme", description: "Soft and warm.")
        return item
      }, users: [])
    var random = SplitMix64(state: 2)
    func vector(_ count: Int) -> [Float] { (0..<count).map { _ in Float(random.nextNormal()) } }
    features = (0..<6).map { item in
      ItemFeatures(
        embedding: item == 3 ? nil : vector(shape.visionWidth), cf: vector(shape.cfFeatureDim),
        text: vector(shape.textFeatureDim))
    }
  }

  private func method(_ spaces: [Space], _ style: PromptStyle? = nil) throws -> CheckpointRecommender {
    var settings = CheckpointRecommender.Settings()
    settings.promptStyle = style
    settings.spaces = spaces
    settings.maxHistoryItems = 3
    settings.threads = 1
    return try CheckpointRecommender(checkpoint: checkpoint, dataset: dataset, features: features, settings: settings)
  }

  @Test(arguments: [[Space.image], [.image, .cf, .text]]) func `Scores are means over the spaces`(
    spaces: [Space]
  ) throws {
    let images = try ImageModel(checkpoint: checkpoint, spaces: spaces, threads: 1)
    let users = try UserModel(
      checkpoint: checkpoint, configuration: .init(spaces: spaces, maxHistoryItems: 3, threads: 1))
    // Item 3 has no image, so it is not in the prompt; the newest three of the others are.
    let history = [0, 1, 3, 4, 5]
    let shown = [1, 4, 5]
    let tokens = try images.softTokens(
      of: Matrix(vectors: shown.compactMap { features[$0].embedding }, columns: images.embeddingDim))
    let prompt = try users.prompt(
      history: shown.enumerated().map { HistoryEntry(title: "shirt \($1)", softToken: Array(tokens[row: $0])) })
    let vectors = try users.spaceVectors(of: users.hiddenStates(of: [prompt])).filter { spaces.contains($0.space) }
    let items = try images.itemVectors(of: features)
    let expected = [2, 3].map { item in
      vectors.enumerated().reduce(Float(0)) { sum, entry in
        let block = items[row: item].dropFirst(entry.offset * images.spaceDim).prefix(images.spaceDim)
        return sum + zip(entry.element.vectors[row: 0], block).reduce(0) { $0 + $1.0 * $1.1 } / Float(spaces.count)
      }
    }
    let recommender = try method(spaces)
    let scores = try recommender.scores(of: [
      RankingQuery(user: 0, history: [2], candidates: [0]),
      RankingQuery(user: 1, history: history, candidates: [2, 3]),
    ])
    for (score, expected) in zip(scores[1], expected) {
      // Sums of 36 products in another order.
      #expect(abs(score - expected) < 1e-4 * max(1, abs(expected)))
    }
    #expect(recommender.name == (spaces.count == 1 ? "img" : "img+cf+text"))
  }

  @Test func `Nothing is known of a user without images`() throws {
    let scores = try method([.image]).scores(of: [
      RankingQuery(user: 0, history: [3], candidates: [0, 1]), RankingQuery(user: 1, history: [1], candidates: [0]),
    ])
    #expect(scores[0] == [0, 0] && scores[1] != [0])
    #expect(try method([.image]).scores(of: [RankingQuery(user: 0, history: [3], candidates: [2])]) == [[0]])
  }

  @Test func `A catalog without images is refused`() throws {
    for item in features.indices { features[item].embedding = nil }
    #expect { try method([.image, .cf]) } throws: { ($0 as? EvaluationError)?.code == .invalidInput }
  }

  @Test func `Styles differ in what they read`() throws {
    let query = RankingQuery(user: 0, history: [0, 3, 4], candidates: [1, 2])
    let methods = try PromptStyle.allCases.map { try method([.image], $0) }
    let tokens = try methods.compactMap { try $0.promptTokens(of: [query])?.first }
    // `<s>`, the two items that have images, and [REC].
    #expect(methods[1].promptStyle == .compact && tokens[1] == 4)
    #expect(tokens[1] < tokens[0] && tokens[0] < tokens[2] && tokens[2] < tokens[3], "\(tokens)")
    #expect(methods[4].promptStyle == .imageDescriptions && tokens[0] < tokens[4], "\(tokens)")
    #expect(Set(try methods.map { try $0.scores(of: [query]) }).count == methods.count)
  }

  @Test func `Words tell of items without images`() throws {
    for item in features.indices { features[item].embedding = nil }
    let scores = try method([.cf], .attributes).scores(of: [
      RankingQuery(user: 0, history: [3], candidates: [0, 1]), RankingQuery(user: 1, history: [2], candidates: [0, 1]),
    ])
    #expect(scores[0] != scores[1] && scores.joined().allSatisfy { $0 != 0 })
  }

  @Test func `A newest item that is too long does not end an evaluation, and its users are counted`() throws {
    var long = dataset
    long.items[5].texts.title = String(repeating: "var aPageStart = (new Date()).getTime(); ", count: 2000)
    let recommender = try method([.image]).retelling(long)
    let queries = [
      RankingQuery(user: 0, history: [0, 5], candidates: [1, 2]),
      RankingQuery(user: 1, history: [5, 0], candidates: [1, 2]),
    ]
    let scores = try recommender.scores(of: queries)
    #expect(scores.joined().allSatisfy { $0.isFinite && $0 != 0 })
    #expect(recommender.untoldUsers == 1)
    #expect(try recommender.promptTokens(of: queries)?.allSatisfy { $0 > 1 } == true)
    #expect(try !recommender.tells(of: queries[0]) && recommender.tells(of: queries[1]))
    #expect(try TokenBudget(4096, of: recommender).itemsThatFit(queries) == [0, 2])
  }

  @Test func `A checkpoint is read as it was trained`() throws {
    let path = checkpoint.recModule + "/config.json"
    var configuration = try #require(
      JSONSerialization.jsonObject(with: Data(contentsOf: URL(filePath: path))) as? [String: Any])
    configuration["prompt_style"] = "descriptions"
    try JSONSerialization.data(withJSONObject: configuration).write(to: URL(filePath: path))
    #expect(try method([.image]).promptStyle == .descriptions)
    #expect(try method([.image], .image).promptStyle == .image)
  }
}
