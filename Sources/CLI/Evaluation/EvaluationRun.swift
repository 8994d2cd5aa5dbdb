// SPDX-License-Identifier: Apache-2.0

import Datasets
import Evaluation
import Models
import Training

/// Makes the methods that the user named, and ranks with each. Computes on the calling thread and blocks.
struct EvaluationRun {
  let data: EvaluatedData
  let task: RankingTask
  let plan: EvaluationPlan
  /// The method `services`, which is ranked with over RPC, when it is asked for.
  let served: MethodReport?

  private var seeds: [UInt64] { plan.seeds }

  func reports(of methods: [MethodName]) throws -> [MethodReport] {
    let ranksByCheckpoint = methods.contains { $0.spaces != nil }
    var features = try CheckpointFeatures(
      data: data, files: ranksByCheckpoint ? plan.features : [], imageCache: plan.imageCache,
      reading: plan.reading)
    return try methods.map { try report(of: $0, &features) }
  }

  private func report(of name: MethodName, _ features: inout CheckpointFeatures) throws -> MethodReport {
    switch name {
    case .popularity: return try report(Popularity(dataset: data.dataset), "training sequences that hold the item")
    case .random: return try report("seeded", seeds) { RandomOrder(seed: $0) }
    case .itemNeighbours:
      return try report(
        ItemNeighbours(dataset: data.dataset, settings: plan.neighbours),
        "\(plan.neighbours.neighbours) neighbours, newest \(plan.neighbours.historyItems) items, shrinkage "
          + "\(plan.neighbours.shrinkage)")
    case .sasrec: return try sasrecReport()
    case .services:
      guard let served else { preconditionFailure("the services are asked before") }
      return served
    case .checkpoint(let checkpointName, let spaces):
      guard let checkpoint = plan.checkpoints.first(where: { $0.name == checkpointName }) else {
        throw CLIError(.usage, "\(name.text): --checkpoint is needed")
      }
      let method = try CheckpointRecommender(
        checkpoint: checkpoint.location, dataset: data.dataset,
        features: features.features(for: checkpoint.location), settings: checkpoint.settings(spaces: spaces),
        name: name.text)
      let result = try rank(method)
      var note =
        "\(checkpoint.location.directory), \(method.promptStyle.rawValue) prompts, newest \(method.maxHistoryItems) items, "
        + checkpoint.precision.rawValue
      if method.untoldUsers > 0 {
        note +=
          "; \(method.untoldUsers.counted("user")) whose newest item alone is too long: their prompts tell of no item, as published"
      }
      return MethodReport(name: method.name, note: note, results: [result])
    }
  }

  private func sasrecReport() throws -> MethodReport {
    if let sasrecFile = plan.sasrecFile {
      let weights = try SASRecWeights(path: sasrecFile)
      guard weights.items == data.dataset.items.count else {
        throw CLIError(
          .invalidInput,
          "\(sasrecFile) knows \(weights.items) items; this dataset has \(data.dataset.items.count)")
      }
      return try report(SASRec(weights: weights), sasrecFile)
    }
    var settings = plan.sasrec
    let note =
      "\(settings.blocks) blocks, width \(settings.width), newest \(settings.length) items, dropout "
      + "\(settings.dropout), learning rate \(settings.learningRate)"
    return try report(note, seeds) { seed in
      settings.seed = seed
      let outcome = try SASRecRun(dataset: data, settings: settings).train()
      return SASRec(weights: outcome.weights)
    }
  }

  private func report(_ method: some RankingMethod, _ note: String) throws -> MethodReport {
    MethodReport(name: method.name, note: note, results: [try rank(method)])
  }

  private func report<Method: RankingMethod>(
    _ note: String, _ seeds: [UInt64], _ method: (UInt64) throws -> Method
  ) throws -> MethodReport {
    let results = try seeds.map { try rank(method($0)) }
    return MethodReport(name: results[0].method, note: note, seeds: seeds, results: results)
  }

  private func rank(_ method: some RankingMethod) throws -> RankingResult {
    let bar = ProgressBar(method.name, total: task.users.count, unit: "users")
    defer { bar.finish() }
    return try task.rank(with: method) { users in
      try data.interruption.check()
      bar.update(completed: users)
    }
  }
}
