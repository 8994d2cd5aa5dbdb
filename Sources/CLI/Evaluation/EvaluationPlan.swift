import Datasets
import Evaluation
import Kernels
import Models
import Training

/// What the user asked to have compared.
struct EvaluationPlan: Sendable {
  /// A checkpoint to rank by.
  struct Checkpoint: Sendable {
    let location: CheckpointLocation
    let features: [FeatureFile]
    let maxHistoryItems: Int
    let precision: Precision

    func settings(spaces: [Space]) -> CheckpointRecommender.Settings {
      var settings = CheckpointRecommender.Settings()
      settings.spaces = spaces
      settings.maxHistoryItems = maxHistoryItems
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
  let checkpoint: Checkpoint?
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
