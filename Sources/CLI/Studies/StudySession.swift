// SPDX-License-Identifier: Apache-2.0

import Datasets
import Evaluation
import Models
import Training

/// What every study works with: the data, the users to rank for, and the checkpoints. Computes on the calling thread.
struct StudySession {
  let options: StudyOptions
  let data: EvaluatedData
  let task: RankingTask
  private var features: CheckpointFeatures

  init(_ options: StudyOptions, _ interruption: InterruptionFlag) throws {
    self.options = options
    let dataset = try Dataset(reading: options.data)
    data = EvaluatedData(dataset: dataset, interruption: interruption)
    let all = try RankingTask(dataset: dataset, part: options.part, candidates: options.candidates)
    task =
      try options.users.map {
        try RankingTask(
          dataset: dataset, part: options.part, candidates: options.candidates, users: Array(all.users.prefix($0)))
      } ?? all
    features = try CheckpointFeatures(
      data: data, files: options.checkpoint.features, imageCache: options.checkpoint.imageCache,
      reading: options.checkpoint.images.reading)
  }

  func study(_ places: [Double]) -> RankingStudy {
    RankingStudy(task: task, places: places.sorted(), bootstrap: Bootstrap(resamples: options.resamples))
  }

  mutating func features(for checkpoint: EvaluationPlan.Checkpoint) throws -> [ItemFeatures] {
    try features.features(for: checkpoint.location)
  }

  /// Ranks the task's users, over the session's data or what a study made of it.
  func rank(_ method: any RankingMethod, note: String) throws -> RankingResult {
    let bar = ProgressBar("\(method.name), \(note)", total: task.users.count, unit: "users")
    defer { bar.finish() }
    return try task.rank(with: method) { users in
      try data.interruption.check()
      bar.update(completed: users)
    }
  }

  /// The checkpoints' methods, each with what it is made with.
  func checkpointMethods(_ methods: [MethodName]) throws -> [(name: MethodName, checkpoint: EvaluationPlan.Checkpoint)]
  {
    try options.checkpoint.expanded(methods).compactMap { method in
      guard case .checkpoint(let name, _) = method else { return nil }
      guard let plan = options.checkpoint.plans.first(where: { $0.name == name }) else {
        throw CLIError(.usage, "\(method.text): --checkpoint is needed")
      }
      return (method, plan)
    }
  }

  func recommender(
    _ name: MethodName, _ checkpoint: EvaluationPlan.Checkpoint, features: [ItemFeatures], maxHistoryItems: Int? = nil
  ) throws -> CheckpointRecommender {
    try data.interruption.check()
    var settings = checkpoint.settings(spaces: name.spaces ?? [.image])
    if let maxHistoryItems { settings.maxHistoryItems = maxHistoryItems }
    return try CheckpointRecommender(
      checkpoint: checkpoint.location, dataset: data.dataset, features: features, settings: settings,
      name: name.text)
  }

  /// "610 users, test item among 100 negatives".
  var summary: String {
    Comparison(data: options.data, task: task, reports: [], baseline: 0, bootstrap: Bootstrap()).summary
  }

  /// How the figures were made, with what is the study's own.
  func settings(_ own: [StudyResult.Setting] = []) -> [StudyResult.Setting] {
    [
      .init("command", CommandLine.arguments.joined(separator: " ")), .init("data", options.data),
      .init("part", options.part.rawValue), .init("candidates", options.candidates.rawValue),
      .init("users", "\(task.users.count)"), .init("bootstrap samples", "\(options.resamples)"),
      .init("precision", options.checkpoint.precision.rawValue),
    ] + own
  }

  static func settings(
    of method: CheckpointRecommender, _ checkpoint: EvaluationPlan.Checkpoint
  ) -> [StudyResult.Setting] {
    [
      .init(
        method.name,
        "\(checkpoint.location.directory), \(method.promptStyle.rawValue) prompts, newest \(method.maxHistoryItems) items, fingerprint \(method.fingerprint)"
      )
    ]
  }
}
