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

  /// The validation items, by which weights of fusions are chosen.
  private let fitted: RankingTask?
  private var features: CheckpointFeatures
  /// Methods that were made already: a fusion's parts may be compared by themselves, too.
  private var made: [Key: Made] = [:]

  private struct Key: Hashable {
    let name: MethodName
    /// Nil for a method that chance has no part in.
    let seed: UInt64?
  }

  private struct Made {
    let method: any RankingMethod
    /// What it was made with, for people; to be asked once it has ranked.
    let note: () -> String
  }

  init(data: EvaluatedData, task: RankingTask, plan: EvaluationPlan, served: MethodReport?) throws {
    (self.data, self.task, self.plan, self.served) = (data, task, plan, served)
    let readsFeatures = plan.methods.contains { !$0.featureSpaces.isEmpty }
    features = try CheckpointFeatures(
      data: data, files: readsFeatures ? plan.features : [], imageCache: plan.imageCache, reading: plan.reading)
    let fits = plan.fitsWeights && plan.methods.contains { $0.parts.count > 1 }
    fitted =
      fits ? try RankingTask(dataset: task.dataset, part: .validation, candidates: task.candidates) : nil
  }

  mutating func reports() throws -> [MethodReport] { try plan.methods.map { try report(of: $0) } }

  private mutating func report(of name: MethodName) throws -> MethodReport {
    if name == .services {
      guard let served else { preconditionFailure("the services are asked before") }
      return served
    }
    let seeds: [UInt64?] = name.takesSeeds ? plan.seeds : [nil]
    var (results, note): ([RankingResult], String) = ([], "")
    for seed in seeds {
      let made = try make(name, seed)
      results.append(try rank(made.method))
      note = made.note()
    }
    return MethodReport(name: name.text, note: note, seeds: seeds.compactMap(\.self), results: results)
  }

  // MARK: - Methods

  private mutating func make(_ name: MethodName, _ seed: UInt64?) throws -> Made {
    let key = Key(name: name, seed: name.takesSeeds ? seed : nil)
    if let known = made[key] { return known }
    let new = try makeAnew(name, seed ?? 0)
    made[key] = new
    return new
  }

  private mutating func makeAnew(_ name: MethodName, _ seed: UInt64) throws -> Made {
    switch name {
    case .popularity:
      Made(method: Popularity(dataset: data.dataset)) { "training sequences that hold the item" }
    case .random: Made(method: RandomOrder(seed: seed)) { "seeded" }
    case .itemNeighbours: itemNeighbours
    case .ease: try ease
    case .sasrec: try sasrec(seed)
    case .services: preconditionFailure("the services are asked before")
    case .generation: try generation
    case .pairAnswers: try pairAnswers
    case .contentNeighbours(let space): try contentNeighbours(space, name.text)
    case .checkpoint(let checkpoint, let spaces): try self.checkpoint(checkpoint, spaces, name.text)
    case .fused(let parts): try fused(parts, name.text, seed)
    }
  }

  private var itemNeighbours: Made {
    let settings = plan.neighbours
    return Made(method: ItemNeighbours(dataset: data.dataset, settings: settings)) {
      "\(settings.neighbours) neighbours, newest \(settings.historyItems) items, shrinkage \(settings.shrinkage)"
    }
  }

  private var ease: Made {
    get throws {
      let settings = plan.ease
      return Made(method: try data.ease(settings)) {
        "regularization \(settings.regularization), decay \(settings.decay)"
      }
    }
  }

  private var generation: Made {
    get throws {
      guard let generation = plan.generation else { throw CLIError(.usage, "generation: --text-encoder is needed") }
      let method = try generation.method(for: data)
      return Made(method: method) { generation.note(on: method) }
    }
  }

  private var pairAnswers: Made {
    get throws {
      guard let pairs = plan.pairAnswers else { throw CLIError(.usage, "yes-no: an LLM is needed") }
      let (method, note) = try pairs.method(for: data)
      return Made(method: method, note: note)
    }
  }

  /// What `generation` wrote for each user, by its index in the dataset; none without the method.
  var generatedTitles: [Int: String] {
    made.values.lazy.compactMap { $0.method as? TitleGeneration }.first?.generatedTitles ?? [:]
  }

  private mutating func contentNeighbours(_ space: Space, _ name: String) throws -> Made {
    let rows = try features.features(of: space, tower: plan.checkpoints.first?.location)
    let newest = plan.neighbours.historyItems
    return Made(method: ContentNeighbours(name: name, features: rows, historyItems: newest)) {
      "cosine of the items' features, newest \(newest) items"
    }
  }

  private mutating func checkpoint(_ checkpointName: String?, _ spaces: [Space], _ name: String) throws -> Made {
    guard let checkpoint = plan.checkpoints.first(where: { $0.name == checkpointName }) else {
      throw CLIError(.usage, "\(name): --checkpoint is needed")
    }
    let method = try CheckpointRecommender(
      checkpoint: checkpoint.location, dataset: data.dataset, features: features.features(for: checkpoint.location),
      settings: checkpoint.settings(spaces: spaces), name: name)
    return Made(method: method) {
      let settings =
        "\(checkpoint.location.directory), \(method.promptStyle.rawValue) prompts, newest \(method.maxHistoryItems) items, "
        + checkpoint.precision.rawValue
      let untold = method.untoldUsers
      return untold == 0
        ? settings
        : settings
          + "; \(untold.counted("user")) whose newest item alone is too long: their prompts tell of no item, as published"
    }
  }

  private func sasrec(_ seed: UInt64) throws -> Made {
    if let sasrecFile = plan.sasrecFile {
      return Made(method: try SASRecFile.method(sasrecFile, for: data.dataset)) { sasrecFile }
    }
    var settings = plan.sasrec
    settings.seed = seed
    let outcome = try SASRecRun(dataset: data, settings: settings).train()
    return Made(method: SASRec(weights: outcome.weights)) { [settings] in
      "\(settings.blocks) blocks, width \(settings.width), newest \(settings.length) items, dropout \(settings.dropout), "
        + "learning rate \(settings.learningRate)"
        + (settings.loss == .crossEntropy ? ", cross entropy over all items" : "")
    }
  }

  private mutating func fused(_ names: [MethodName], _ name: String, _ seed: UInt64) throws -> Made {
    let parts = try names.map { try make($0, seed).method }
    var weights = [Float](repeating: 1, count: parts.count)
    var origin = "equal weights of standardised scores"
    if let fitted {
      let bar = ProgressBar("Weights of \(name)", total: fitted.users.count, unit: "users")
      defer { bar.finish() }
      let fit = try FusionFit(parts, on: fitted) { users in
        try data.interruption.check()
        bar.update(completed: users)
      }
      weights = fit.weights
      origin = "weights chosen on validation items (NDCG@5 \(fit.value.rounded(to: 3)) there)"
    }
    let told = zip(names, weights).map { "\($0.text) \($1)" }.joined(separator: ", ")
    return Made(method: FusedMethod(name: name, parts: parts, weights: weights)) { "\(told): \(origin)" }
  }

  private func rank(_ method: some RankingMethod) throws -> RankingResult {
    let bar = ProgressBar(method.name, total: task.users.count, unit: "users")
    defer { bar.finish() }
    return try task.rank(with: method, keepsScores: plan.keepsScores) { users in
      try data.interruption.check()
      bar.update(completed: users)
    }
  }
}
