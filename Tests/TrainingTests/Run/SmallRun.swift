// SPDX-License-Identifier: Apache-2.0

import Datasets
import Evaluation
import Items
import Kernels
import Models

@testable import Training

/// A run on a tiny random checkpoint and made-up users, small enough for a debug build.
struct SmallRun {
  static let itemCount = 12
  let directory: RunDirectory
  let checkpoint: CheckpointLocation

  init(_ path: String) throws {
    checkpoint = CheckpointLocation(directory: "\(path)/base")
    directory = RunDirectory("\(path)/run")
    if !CheckpointLocation.exists(checkpoint.directory) {
      try SyntheticCheckpoint.write(to: checkpoint.directory, shape: .tiny, seed: 3, text: ["red lamp", "blue chair"])
    }
  }

  /// Every user goes on through the items in steps of one or two.
  static let dataset: Dataset = {
    let items = (0..<itemCount).map { index in
      var item = Dataset.Item(id: "item\(index)")
      (item.texts.title, item.texts.brand) = ("lamp \(index)", index % 2 == 0 ? "Acme" : "")
      (item.texts.category, item.texts.description) = (
        index % 3 == 0 ? "" : "lamps", index % 4 == 0 ? "It shines \(index)." : ""
      )
      return item
    }
    let users = (0..<7).map { user in
      let sequence = (0..<6 + user % 3).map { (user + $0 * (1 + user % 2)) % itemCount }
      let negatives = (0..<itemCount).filter { !sequence.contains($0) }
      return Dataset.User(id: "user\(user)", items: sequence, negatives: negatives)
    }
    return Dataset(items: items, users: users)
  }()

  static func features(_ width: Int, missing: Set<Int> = []) -> FeatureTable {
    var numbers = SplitMix64(state: UInt64(width))
    return FeatureTable(
      width: width,
      rows: (0..<itemCount).map { item in
        let row = (0..<width).map { _ in Float(numbers.nextNormal()) }
        return missing.contains(item) ? [] : row
      })
  }

  static func items(
    missingImages: Set<Int> = [], spaces: [Space] = Space.allCases, promptStyle: PromptStyle = .image
  ) -> TrainingItems {
    TrainingItems(
      items: dataset.items, images: features(24, missing: missingImages),
      others: [.cf: features(6), .text: features(10)],
      spaces: spaces, promptStyle: promptStyle)
  }

  func run(
    _ options: TrainingPlan.Options = SmallRun.options, items: TrainingItems = SmallRun.items(), seed: UInt64 = 1,
    alignmentWeight: Float = 1, settings: [String: String]? = nil,
    report: @escaping (TrainingEvent) -> Void = { _ in }
  ) throws -> TrainingRun {
    let sampler = try Sampler(
      users: Self.dataset.users, items: items, questions: .standard(), options: SamplingOptions(seed: seed))
    let plan = try TrainingPlan(options, sampler: sampler, users: Self.dataset.users)
    let model = try TrainableRecommender(
      checkpoint: checkpoint,
      options: TrainingModelOptions(
        trainsAdaptor: items.promptStyle.showsImages, alignmentWeight: alignmentWeight, maxPositions: 2048, threads: 2))
    let builder = SampleBuilder(
      items: items, tokenizer: try LlamaTokenizer(directory: checkpoint.tokenizer), maxInteractions: 10,
      llmDim: model.llmDim, maxPositions: 2048)
    let task = try RankingTask(dataset: Self.dataset, part: .validation, candidates: .negatives)
    return try TrainingRun(
      model: model, plan: plan, samples: builder,
      validation: RecommenderValidation(task: task, items: items, builder: builder),
      publisher: CheckpointPublisher(
        start: checkpoint, target: directory.checkpoint, notes: TrainingNotes(promptStyle: items.promptStyle)),
      directory: directory,
      settings: settings ?? plan.settings, report: report)
  }

  static let options = TrainingPlan.Options(
    epochs: 3, batchSize: 3, learningRate: 1e-3, weightDecay: 0.01, checkpointSteps: 2)
}
