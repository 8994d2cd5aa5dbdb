// SPDX-License-Identifier: Apache-2.0

import Datasets
import Evaluation
import Foundation
import Kernels
import Models
import TestSupport
import Testing

@testable import Training

@Suite("A checkpoint of the recipe is served as it was trained")
struct RecipeCheckpointTests {
  private let directory: TemporaryDirectory
  private let small: SmallRun
  private let items: TrainingItems

  init() throws {
    directory = try TemporaryDirectory()
    small = try SmallRun(directory.path)
    items = Self.items(Space.allCases)
  }

  private static let missing: [Space: Set<Int>] = [.image: [2, 5], .cf: [2, 7], .text: [2, 7, 9]]
  private static func items(_ tokenFeatures: [Space], imageDim: Int = 24) -> TrainingItems {
    TrainingItems(
      items: SmallRun.dataset.items, images: SmallRun.features(imageDim, missing: missing[.image] ?? []),
      others: [
        .cf: SmallRun.features(6, missing: missing[.cf] ?? []),
        .text: SmallRun.features(10, missing: missing[.text] ?? []),
      ],
      spaces: Space.allCases, promptStyle: .compact, tokenFeatures: tokenFeatures)
  }

  private static func features(_ item: Int) -> ItemFeatures { features(item, imageDim: 24) }

  private static func features(_ item: Int, imageDim: Int) -> ItemFeatures {
    ItemFeatures(
      embedding: SmallRun.features(imageDim, missing: missing[.image] ?? [])[item],
      cf: SmallRun.features(6, missing: missing[.cf] ?? [])[item],
      text: SmallRun.features(10, missing: missing[.text] ?? [])[item])
  }

  private func published(_ model: TrainableRecommender) throws -> CheckpointLocation {
    let notes = TrainingNotes(
      promptStyle: .compact, maxHistoryItems: 10, softTokens: model.softTokens, loraRank: model.options.lowRank?.rank)
    let path = "\(directory.path)/checkpoint"
    try CheckpointPublisher(start: small.checkpoint, target: path, notes: notes)
      .publish(model.parameters, keepingOthers: false)
    return CheckpointLocation(directory: path)
  }

  private func builder(_ model: TrainableRecommender, imageDim: Int = 24) throws -> SampleBuilder {
    SampleBuilder(
      items: Self.items(model.softTokens.features, imageDim: imageDim),
      tokenizer: try LlamaTokenizer(directory: small.checkpoint.tokenizer), maxInteractions: 10,
      llmDim: model.llmDim, maxPositions: 2048)
  }

  /// Soft tokens of items that lack features, positions and the merged LoRA included. Sums are made in another order where
  /// matrices were merged.
  @Test(
    arguments: zip(
      [RecipeModel.layout, SoftTokenLayout(features: Space.allCases), SoftTokenLayout(positions: 10), .published],
      [2, nil, nil, 2]))
  func `Services compute the hidden states that training computes`(layout: SoftTokenLayout, lora: Int?) throws {
    let model = try RecipeModel.model(over: small.checkpoint, layout: layout, lora: lora)
    let checkpoint = try published(model)
    let encoder = try ImageModel(checkpoint: checkpoint, spaces: Space.allCases, threads: 1)
    let llm = try UserModel(
      checkpoint: checkpoint, configuration: .init(spaces: Space.allCases, threads: 1, prefixCacheBytes: 1 << 20))
    let readsImagesAlone = layout.readsImagesAlone
    #expect(encoder.tokenFeatures == layout.features && llm.embeddingDim == (readsImagesAlone ? 24 : 0))
    #expect(!encoder.hasSoftToken(Self.features(2)) && encoder.hasSoftToken(Self.features(7)))
    #expect(encoder.hasSoftToken(Self.features(5)) == !readsImagesAlone)
    let shown = Self.items(layout.features)
    #expect(!shown.isShown(2) && shown.isShown(7) && shown.isShown(5) == !readsImagesAlone)
    for history in [[0], [0, 7], readsImagesAlone ? [1, 3, 7, 9] : [1, 5, 3, 7, 9]] {
      let sequence = try builder(model).recommendation(history)
      let expected = try model.hiddenStates(of: [sequence])
      let tokens = try encoder.softTokens(of: history.map(Self.features))
      let prompt = try llm.prompt(
        history: history.indices.map { HistoryEntry(title: "", softToken: Array(tokens[row: $0])) })
      let found = try llm.hiddenStates(of: [prompt])
      #expect(distance(found.values, expected) < 1e-5, "\(history)")
      // As the service does it, and again when the cache holds what it may.
      for _ in 0..<2 {
        let cached = llm.encode([llm.request(prompt, prefixKeys: llm.prefixKeys(of: prompt))])
        #expect(distance(try cached[0].get().hiddenState, expected) < 1e-5, "\(history)")
      }
    }
  }

  @Test func `A place from the end is not found under its former name when a history grew`() throws {
    let checkpoint = try published(RecipeModel.model(over: small.checkpoint))
    let llm = try UserModel(
      checkpoint: checkpoint, configuration: .init(threads: 1, prefixCacheBytes: 1 << 20, prefixBlockTokens: 1))
    let tokens = (0..<4).map { item in (0..<llm.llmDim).map { Float(item + $0) / 40 } }
    func keys(_ items: [Int]) throws -> [PrefixKey] {
      let prompt = try llm.prompt(history: items.map { HistoryEntry(title: "", softToken: tokens[$0]) })
      return llm.prefixKeys(of: prompt)
    }
    let (three, four) = (try keys([0, 1, 2]), try keys([0, 1, 2, 3]))
    #expect(three == (try keys([0, 1, 2])))
    // `<s>` is no soft token.
    #expect(three[0] == four[0])
    #expect(Set(three.dropFirst()).isDisjoint(with: four.dropFirst()))
  }

  /// With image features from elsewhere too, which are wider or narrower than the tower's: no service can compute them.
  @Test(arguments: [24, 17, 40]) func `A checkpoint is ranked with as it was validated`(imageDim: Int) throws {
    let model = try RecipeModel.model(
      over: small.checkpoint, dims: RecipeModel.dims.merging([.image: imageDim]) { $1 })
    let items = Self.items(Space.allCases, imageDim: imageDim)
    let task = try RankingTask(dataset: SmallRun.dataset, part: .validation, candidates: .negatives)
    let validation = try RecommenderValidation(
      task: task, items: items, builder: try builder(model, imageDim: imageDim))
    let expected = try #require(try validation.result(model, step: 1, isStopped: { false })).result
    var settings = CheckpointRecommender.Settings()
    (settings.spaces, settings.threads) = (Space.allCases, 1)
    let checkpoint = try published(model)
    let method = try CheckpointRecommender(
      checkpoint: checkpoint, dataset: SmallRun.dataset,
      features: (0..<SmallRun.itemCount).map { Self.features($0, imageDim: imageDim) }, settings: settings)
    let result = try task.rank(with: method)
    let (hit, ndcg) = (result.values(of: .hit(5)).mean, result.values(of: .ndcg(5)).mean)
    #expect(abs(hit - expected.hit5) < 1e-9)
    #expect(abs(ndcg - expected.ndcg5) < 1e-9)
    guard imageDim != 24 else { return }
    #expect(throws: ModelError.self) { try ImageModel(checkpoint: checkpoint, spaces: [.image], threads: 1) }
    #expect(throws: ModelError.self) {
      try CheckpointRecommender(
        checkpoint: checkpoint, dataset: SmallRun.dataset,
        features: (0..<SmallRun.itemCount).map(Self.features), settings: settings)
    }
  }

  /// An item may lack a feature; where all do, it was not given, and what stands for it would stand in every prompt.
  @Test func `A feature of soft tokens that no item has is asked for`() throws {
    let checkpoint = try published(RecipeModel.model(over: small.checkpoint))
    var settings = CheckpointRecommender.Settings()
    settings.threads = 1
    func recommender(_ change: (inout ItemFeatures) -> Void) throws -> CheckpointRecommender {
      let features = (0..<SmallRun.itemCount).map { item in
        var features = Self.features(item)
        change(&features)
        return features
      }
      return try CheckpointRecommender(
        checkpoint: checkpoint, dataset: SmallRun.dataset, features: features, settings: settings)
    }
    _ = try recommender { _ in }
    let one = #expect(throws: EvaluationError.self) { try recommender { $0.text = nil } }
    #expect(one?.message.contains("no item has one in text; give --features text=FILE,") == true)
    let two = #expect(throws: EvaluationError.self) { try recommender { ($0.cf, $0.text) = (nil, nil) } }
    #expect(two?.message.contains("give --features cf=FILE and --features text=FILE") == true)
    let wide = #expect(throws: EvaluationError.self) { try recommender { $0.cf = $0.cf.map { $0 + [0] } } }
    #expect(wide?.message.contains("give the file that it was trained with by --features cf=FILE") == true)
    // Prompts in words read none.
    settings.promptStyle = .attributes
    _ = try recommender { ($0.cf, $0.text) = (nil, nil) }
  }

  /// Whoever does not know the keys looks for `adaptor.*`.
  @Test(
    arguments: [
      SoftTokenLayout(features: Space.allCases), SoftTokenLayout(positions: 10),
    ]) func `There is no adaptor by its published name`(layout: SoftTokenLayout) throws
  {
    let checkpoint = try published(RecipeModel.model(over: small.checkpoint, layout: layout, lora: nil))
    let names = try SafetensorsFile(path: checkpoint.recModule + "/model.safetensors").tensors.map(\.name)
    #expect(!names.contains { $0.hasPrefix("adaptor.") } && names.contains("soft_token.proj.weight"))
    #expect(try checkpoint.trainingNotes().softTokens == layout)
    // As another version would read it: without the keys.
    let path = checkpoint.recModule + "/config.json"
    let text = try String(contentsOfFile: path, encoding: .utf8)
    try text.replacing("soft_token_", with: "other_").write(toFile: path, atomically: true, encoding: .utf8)
    #expect(throws: ModelError.self) { try ImageModel(checkpoint: checkpoint, spaces: [.image], threads: 1) }
    #expect(throws: ModelError.self) { try UserModel(checkpoint: checkpoint, configuration: .init(threads: 1)) }
  }

  @Test func `More items than there are positions are refused`() throws {
    let checkpoint = try published(RecipeModel.model(over: small.checkpoint))
    let error = #expect(throws: ModelError.self) {
      try UserModel(checkpoint: checkpoint, configuration: .init(maxHistoryItems: 11, threads: 1))
    }
    #expect(error?.code == .invalidInput && error?.message.contains("10 places") == true)
    let llm = try UserModel(checkpoint: checkpoint, configuration: .init(threads: 1))
    let own = try llm.prompt(parts: [.softTokens(Matrix(rows: 11, columns: llm.llmDim))])
    #expect(throws: ModelError.self) { try llm.hiddenStates(of: [own]) }
    #expect(throws: ModelError.self) { try llm.softTokens(of: Matrix(rows: 1, columns: 24)) }
  }

  @Test func `A checkpoint with a LoRA is not given another one`() throws {
    let checkpoint = try published(RecipeModel.model(over: small.checkpoint))
    let error = #expect(throws: TrainingError.self) { try RecipeModel.model(over: checkpoint) }
    #expect(error?.message.contains("LoRA") == true)
    // Nor read without the one that it was trained with.
    let path = checkpoint.directory + "/adapter_"
    let kept = try ["config.json", "model.safetensors"].map { try Data(contentsOf: URL(filePath: path + $0)) }
    for name in ["config.json", "model.safetensors"] { try FileManager.default.removeItem(atPath: path + name) }
    let missing = #expect(throws: ModelError.self) { try UserModel(checkpoint: checkpoint) }
    #expect(missing?.message.contains("lora_rank 2") == true)
    for (name, data) in zip(["config.json", "model.safetensors"], kept) {
      try data.write(to: URL(filePath: path + name))
    }
    // It is taken along by those that train nothing in it.
    #expect(try RecipeModel.model(over: checkpoint, lora: nil).softTokens == RecipeModel.layout)
  }

  @Test(arguments: [RecommendationLoss.pairwise, .jointSoftmax(JointLoss(temperature: 1))])
  func `The recipe is learned, and ends with the same bytes when it was broken off`(loss: RecommendationLoss) throws {
    var options = SmallRun.options
    (options.epochs, options.batchSize, options.learningRate) = (40, 7, 3e-3)
    var losses: [Double] = []
    let whole = try run("whole", options, loss) { if case .step(let step) = $0 { losses.append(step.losses.total) } }
    #expect(try whole.run() == .finished)
    let (first, last) = (Array(losses.prefix(4)).mean, Array(losses.suffix(4)).mean)
    #expect(last < 0.9 * first, "\(losses)")
    var steps = 0
    let stopped = try run("parts", options, loss) { _ in steps += 1 }
    let outcome = try stopped.run { steps > 9 }
    #expect(outcome == .stopped)
    let resumed = try run("parts", options, loss) { _ in }
    try resumed.resume()
    #expect(try resumed.run() == .finished)
    for (one, other) in zip(whole.model.parameters, resumed.model.parameters) {
      #expect(Array(one.values) == Array(other.values), "\(one.name)")
    }
  }

  private func run(
    _ name: String, _ options: TrainingPlan.Options, _ loss: RecommendationLoss,
    report: @escaping (TrainingEvent) -> Void
  ) throws -> TrainingRun {
    let model = try RecipeModel.model(over: small.checkpoint, loss: loss)
    let sampler = try Sampler(
      users: SmallRun.dataset.users, items: items, questions: .standard(),
      options: SamplingOptions(asksQuestions: false))
    let plan = try TrainingPlan(options, sampler: sampler, users: SmallRun.dataset.users)
    let joint =
      loss == .pairwise ? nil : try JointSampler(users: SmallRun.dataset.users, items: items, others: 5, seed: 1)
    let run = RunDirectory("\(directory.path)/\(name)")
    return try TrainingRun(
      model: model, plan: plan, samples: try builder(model), joint: joint, validation: nil,
      publisher: CheckpointPublisher(start: small.checkpoint, target: run.checkpoint), directory: run,
      settings: plan.settings, report: report)
  }
}
