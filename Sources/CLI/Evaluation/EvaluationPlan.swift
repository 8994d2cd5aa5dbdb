// SPDX-License-Identifier: Apache-2.0

import Datasets
import Evaluation
import Kernels
import Models
import Training

/// What the user asked to have compared.
struct EvaluationPlan: Sendable {
  /// A checkpoint to rank by.
  struct Checkpoint: Sendable {
    /// As methods name it; nil for the only one.
    let name: String?
    let location: CheckpointLocation
    /// Nil for the style that it was trained with.
    let promptStyle: PromptStyle?
    /// Nil for as many as it was trained with.
    let maxHistoryItems: Int?
    let maxTokens: Int
    let precision: Precision

    func settings(spaces: [Space]) -> CheckpointRecommender.Settings {
      var settings = CheckpointRecommender.Settings()
      settings.spaces = spaces
      settings.promptStyle = promptStyle
      settings.maxHistoryItems = maxHistoryItems
      settings.maxPromptTokens = maxTokens
      settings.loading = LoadingOptions(precision: precision.arithmetic).warningOnTerminal()
      return settings
    }
  }

  let data: String
  let methods: [MethodName]
  let baseline: MethodName?
  let part: HeldOutItem
  let candidates: CandidateSet
  let seeds: [UInt64]
  let neighbours: ItemNeighbours.Settings
  let ease: EASE.Settings
  /// Its seed is replaced by each of `seeds`.
  let sasrec: SASRecSettings
  let sasrecFile: String?
  let checkpoints: [Checkpoint]
  /// Items' features, for all checkpoints.
  let features: [FeatureFile]
  /// Nil for that of each checkpoint's training run, if there.
  let imageCache: String?
  let reading: ImageReading
  let services: ServiceEvaluation
  /// Nil where the method `generation` is not asked for.
  let generation: GenerationPlan?
  /// Nil where the method `yes-no` is not asked for.
  let pairAnswers: PairAnswersPlan?
  let bootstrap: Bootstrap
  /// Whether fusions' weights are chosen on validation items; they are equal otherwise.
  var fitsWeights = false
  /// Whether methods are compared by how often the held-out item was met, too.
  var comparesBands = false
  /// Whether reports have every candidate's score.
  var keepsScores = false

  /// Reads the data, makes the methods and ranks.
  func compare() async throws -> Comparison {
    let task = try await Interruption.cancellingThread(named: "data") { _ in
      try RankingTask(dataset: Dataset(reading: data), part: part, candidates: candidates)
    }
    var served: MethodReport?
    if methods.contains(.services) {
      served = try await Interruption.cancelling { try await services.report(on: task, from: data) }
    }
    let (reports, generated) = try await Interruption.cancellingThread(named: "evaluate") { [served] interruption in
      var run = try EvaluationRun(
        data: EvaluatedData(dataset: task.dataset, interruption: interruption), task: task, plan: self, served: served)
      return (try run.reports(), run.generatedTitles)
    }
    return Comparison(
      data: data, task: task, reports: reports, baseline: baseline.flatMap { methods.firstIndex(of: $0) } ?? 0,
      bootstrap: bootstrap, bands: comparesBands ? PopularityBand.all(of: task) : [], generatedTitles: generated)
  }
}

extension Precision {
  /// As the models' kernels call it.
  var arithmetic: Kernels.Precision {
    switch self {
    case .f32: .float32
    case .bf16: .bfloat16
    case .int8: .int8
    }
  }
}
