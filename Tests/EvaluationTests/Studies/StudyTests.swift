// SPDX-License-Identifier: Apache-2.0

import Datasets
import Evaluation
import Foundation
import Items
import Models
import TestSupport
import Testing

@Suite("Studies vary one thing at a time") final class StudyTests {
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
      items: (0..<16).map { index in
        var item = Dataset.Item(id: "i\(index)")
        item.texts.title = "shirt \(index)"
        item.texts.description = "a red shirt of size \(index) with blue shoe laces"
        return item
      },
      users: (0..<6).map { user in
        Dataset.User(id: "u\(user)", items: (0..<6).map { (user + $0) % 16 }, negatives: [12, 13, 14, 15])
      })
    var random = SplitMix64(state: 2)
    func vector(_ count: Int) -> [Float] { (0..<count).map { _ in Float(random.nextNormal()) } }
    features = (0..<16).map { _ in
      ItemFeatures(
        embedding: vector(shape.visionWidth), cf: vector(shape.cfFeatureDim), text: vector(shape.textFeatureDim))
    }
  }

  private var task: RankingTask {
    get throws { try RankingTask(dataset: dataset, part: .test, candidates: .negatives) }
  }

  private func method(
    _ style: PromptStyle = .image, dataset: Dataset? = nil, features: [ItemFeatures]? = nil, spaces: [Space] = [.image]
  ) throws -> CheckpointRecommender {
    var settings = CheckpointRecommender.Settings()
    settings.promptStyle = style
    settings.spaces = spaces
    settings.threads = 1
    return try CheckpointRecommender(
      checkpoint: checkpoint, dataset: dataset ?? self.dataset, features: features ?? self.features, settings: settings)
  }

  @Test func `The whole history ranks as evaluate does`() throws {
    let method = try method()
    let expected = try task.rank(with: method)
    let study = RankingStudy(task: try task, places: [1, 5], bootstrap: Bootstrap(resamples: 20))
    let series = try study.series("img") { place, _ in try study.task.rank(with: NewestItems(Int(place), of: method)) }
    #expect(series.map(\.metric) == ["Hit@5", "NDCG@5"])
    let estimates = MethodReport(name: "img", results: [expected]).estimates(
      of: RankingStudy.metrics, Bootstrap(resamples: 20))
    for (series, estimate) in zip(series, estimates) { #expect(series.points[1] == .init(x: 5, estimate)) }
    #expect(try task.rank(with: NewestItems(1, of: method)).ranks != expected.ranks)
  }

  @Test func `A budget holds the most items that fit`() throws {
    let method = try method()
    let queries = try task.users.map(try task.query(of:))
    let counts = try #require(try method.promptTokens(of: queries.map { $0.newest(2) }))
    let budget = try #require(counts.max())
    #expect(try TokenBudget(budget, of: method).itemsThatFit(queries).allSatisfy { $0 >= 2 && $0 < 5 })
    #expect(try TokenBudget(3500, of: method).itemsThatFit(queries).allSatisfy { $0 == 5 })
    #expect(try TokenBudget(3500, of: method).scores(of: queries) == method.scores(of: queries))
    #expect(try TokenBudget(5, of: method).scores(of: queries) == queries.map { $0.candidates.map { _ in 0 } })
    #expect(throws: EvaluationError.self) {
      try TokenBudget(100, of: Popularity(dataset: dataset)).itemsThatFit(queries)
    }
  }

  @Test(arguments: [0.1, 0.25, 0.5, 1]) func `Noise replaces the stated share`(share: Double) throws {
    let noise = try DescriptionNoise(dataset)
    let noisy = noise.dataset(share: share, seed: 3)
    let corpus = Set(dataset.items.flatMap { $0.texts.description.split(separator: " ") })
    for (item, original) in zip(noisy.items, dataset.items) {
      let (words, before) = (
        item.texts.description.split(separator: " "), original.texts.description.split(separator: " ")
      )
      #expect(words.count == before.count && words.allSatisfy(corpus.contains))
      #expect(zip(words, before).count { $0 != $1 } == Int((share * Double(before.count)).rounded()))
      #expect(item.texts.title == original.texts.title)
    }
    #expect(noise.dataset(share: share, seed: 3) == noisy)
    #expect(noise.dataset(share: share, seed: 4) != noisy)
  }

  @Test func `No noise ranks as evaluate does and images do not read noise`() throws {
    let noise = try DescriptionNoise(dataset)
    #expect(noise.dataset(share: 0, seed: 1) == dataset)
    let noisy = noise.dataset(share: 1, seed: 1)
    let queries = try task.users.map(try task.query(of:))
    #expect(try method(dataset: noisy).scores(of: queries) == method().scores(of: queries))
    #expect(
      try method(.descriptions, dataset: noisy).scores(of: queries) != method(.descriptions).scores(of: queries))
  }

  @Test func `A dataset without words has no noise`() {
    var silent = dataset
    for item in silent.items.indices { silent.items[item].texts.description = "same same" }
    #expect { try DescriptionNoise(silent) } throws: { ($0 as? EvaluationError)?.code == .invalidInput }
  }

  @Test func `Lost images are nested and counted`() throws {
    features[0].embedding = nil
    let missing = MissingImages(features)
    func lost(_ share: Double, _ seed: UInt64 = 1) -> Set<Int> { missing.lost(share: share, seed: seed) }
    #expect(lost(0).isEmpty)
    // Of fifteen.
    #expect(lost(0.2).count == 3 && lost(0.2).isSubset(of: lost(0.6)))
    #expect(lost(0.6) == lost(0.6) && lost(0.6) != lost(0.6, 2))
    #expect(lost(1) == Set(1..<16))
  }

  /// What a study makes of a loaded checkpoint is what the checkpoint makes of changed data.
  @Test func `A changed method scores as one that was loaded anew`() throws {
    let queries = try task.users.map(try task.query(of:))
    let noisy = try DescriptionNoise(dataset).dataset(share: 0.5, seed: 1)
    #expect(
      try method(.descriptions).retelling(noisy).scores(of: queries)
        == method(.descriptions, dataset: noisy).scores(of: queries))

    let spaces: [Space] = [.image, .cf, .text]
    let whole = try method(spaces: spaces)
    #expect(try whole.withoutImages(of: []).scores(of: queries) == whole.scores(of: queries))
    let lost = MissingImages(features).lost(share: 0.6, seed: 1)
    var left = features
    for item in lost { left[item].embedding = nil }
    let anew = try method(features: left, spaces: spaces).scores(of: queries)
    for (scores, expected) in zip(try whole.withoutImages(of: lost).scores(of: queries), anew) {
      // Rows are projected beside other rows: sums of 36 products in another order.
      for (score, expected) in zip(scores, expected) { #expect(abs(score - expected) < 1e-4 * max(1, abs(expected))) }
    }
    #expect(anew != (try whole.scores(of: queries)))
    let blind = try method().withoutImages(of: Set(features.indices))
    #expect(try blind.scores(of: queries).joined().allSatisfy { $0 == 0 })
  }

  @Test func `Items without an image are none of the newest`() throws {
    let queries = try task.users.map(try task.query(of:))
    // The newest of each history but that of the last user.
    let lost = Set(queries.dropLast().compactMap(\.history.last))
    let method = try method().withoutImages(of: lost)
    let read = queries.map { query in query.history.filter { !lost.contains($0) } }
    #expect(
      try NewestItems(2, of: method).promptTokens(of: queries)
        == method.promptTokens(
          of: zip(queries, read).map { query, history in
            RankingQuery(user: query.user, history: history.suffix(2), candidates: query.candidates)
          }))
    #expect(try TokenBudget(3500, of: method).itemsThatFit(queries) == read.map(\.count))
    // Words tell of them.
    let words = try self.method(.attributes).withoutImages(of: lost)
    #expect(try TokenBudget(3500, of: words).itemsThatFit(queries) == queries.map(\.history.count))
  }

  @Test func `Tokens are counted by the tokenizer`() throws {
    let counts = TokenCounts(
      tokenizer: try LlamaTokenizer(directory: checkpoint.tokenizer), items: dataset.items.map(\.texts),
      maxHistoryItems: 10)
    let series = try counts.series(histories: [[0, 1, 2], [3]])
    func figures(_ name: String, _ metric: String) -> [Double] {
      series.first { $0.name == name && $0.metric == metric }?.points.map(\.value) ?? []
    }
    // A compact prompt is <s>, a token for each item, and [REC].
    #expect(figures("mean", "tokens per item")[1] == 1)
    #expect(figures("mean", "tokens per prompt")[1] == 4)
    #expect(figures("p50", "tokens per prompt")[1] == 3 && figures("p95", "tokens per prompt")[1] == 5)
    #expect(figures("ratio to image", "tokens per prompt")[0] == 1)
    let perItem = figures("mean", "tokens per item")
    #expect(perItem.count == TokenCounts.styles.count && TokenCounts.styles[4] == .imageDescriptions)
    #expect(perItem[3] > perItem[2] && perItem[0] > 1 && perItem[4] > perItem[0])
    let expected = try #require(try method().promptTokens(of: [RankingQuery(user: 0, history: [3], candidates: [])]))
    #expect(figures("p50", "tokens per prompt")[0] == Double(expected[0]))
  }

  @Test func `Results read back as they were written`() throws {
    let result = StudyResult(
      study: "s", axis: .init("a", unit: "items"),
      series: [
        .init(name: "m", metric: "Hit@5", points: [.init(x: 1, Estimate(value: 0.1, low: 0.05, high: 1.0 / 3))])
      ],
      settings: [.init("command", "x \"y\"")], data: "d")
    let read = try JSONDecoder().decode(StudyResult.self, from: JSONEncoder().encode(result))
    #expect(read == result)
    try read.check()
    let labelled = StudyResult(
      study: "s", axis: .init("a", unit: "", labels: []), series: result.series, settings: [], data: "")
    #expect(throws: EvaluationError.self) { try labelled.check() }
  }
}
