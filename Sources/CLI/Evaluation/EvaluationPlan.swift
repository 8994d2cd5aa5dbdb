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
    let maxHistoryItems: Int
    let maxTokens: Int
    let precision: Precision

    func settings(spaces: [Space]) -> CheckpointRecommender.Settings {
      var settings = CheckpointRecommender.Settings()
      settings.spaces = spaces
      settings.promptStyle = promptStyle
      settings.maxHistoryItems = maxHistoryItems
      settings.maxPromptTokens = maxTokens
      settings.loading = LoadingOptions(precision: precision.arithmetic)
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
  /// Its seed is replaced by each of `seeds`.
  let sasrec: SASRecSettings
  let sasrecFile: String?
  let checkpoints: [Checkpoint]
  /// Items' features, for all checkpoints.
  let features: [FeatureFile]
  let bootstrap: Bootstrap

  /// Reads the data, makes the methods and ranks. Computes on the calling thread and blocks.
  func compare(_ interruption: InterruptionFlag) throws -> Comparison {
    let dataset = try Dataset(reading: data)
    let task = try RankingTask(dataset: dataset, part: part, candidates: candidates)
    let run = EvaluationRun(
      data: EvaluatedData(dataset: dataset, interruption: interruption), task: task, plan: self)
    return Comparison(
      data: data, task: task, reports: try run.reports(of: methods),
      baseline: baseline.flatMap { methods.firstIndex(of: $0) } ?? 0, bootstrap: bootstrap)
  }
}

extension Precision {
  /// As the models' kernels call it.
  fileprivate var arithmetic: Kernels.Precision {
    switch self {
    case .f32: .float32
    case .bf16: .bfloat16
    case .int8: .int8
    }
  }
}
