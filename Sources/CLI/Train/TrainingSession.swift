// SPDX-License-Identifier: Apache-2.0

import Datasets
import Evaluation
import Foundation
import Models
import Training

/// What the user asked for.
struct TrainingSettings: Sendable {
  let data: String
  let checkpoint: String
  let out: RunDirectory
  let resumes: Bool
  let training: TrainingOptions
  let model: TrainedModelOptions
}

/// Reads what a run needs, trains, and shows how far it is. Computes on the calling thread.
struct TrainingSession {
  let settings: TrainingSettings
  let stop: InterruptionFlag
  private let spaces: [Space]
  private var model: TrainedModelOptions { settings.model }
  private var training: TrainingOptions { settings.training }
  private var out: RunDirectory { settings.out }

  init(_ settings: TrainingSettings, stop: InterruptionFlag) throws {
    self.settings = settings
    self.stop = stop
    spaces = try settings.model.trainedSpaces()
  }

  func run() throws -> TrainingOutcome {
    try checkDirectory()
    let isNew = !InputFile.isDirectory(out.path)
    try out.create()
    do {
      return try out.whileLocked {
        // Another run may have ended here since the first look.
        try checkDirectory()
        return try train()
      }
    } catch {
      // What was refused is no run that another command could take for one; what was interrupted goes on by --resume.
      if isNew, !(error is CancellationError) { out.removeUnlessBegun() }
      throw error
    }
  }

  private func train() throws -> TrainingOutcome {
    let dataset = try Dataset(reading: settings.data)
    let questions = try training.questions.map { try QuestionBank(path: $0) } ?? .standard()
    let tokenFeatures = try TrainingStart(settings, features: [:]).softTokens().features
    let given = try importFeatures(of: Set(spaces).union(tokenFeatures), items: dataset.items.count)
    let base = TrainingStart(settings, features: given.mapValues(\.width))
    let features = GivenFeatures(given)
    if try base.freshStart() == nil { features.warnOfOthers(than: base.base) }
    let style = try base.promptStyle()
    var facts = try facts(dataset, base)
    let saved = settings.resumes ? out.newestSoundState() : nil
    if let saved {
      // Before anything is read whose shape would be said to be wrong instead.
      let unknown = TrainingPlan.settingNames.union([RunSettings.features])
      try RunSettings.check(saved.state.settings, against: facts, besides: unknown, path: saved.path)
    }
    let recommender = try TrainableRecommender(checkpoint: base.base, options: try modelOptions(base, style))
    let start = try base.checkpoint(of: recommender)
    let images = try given[.image] ?? embedImages(dataset.items, start)
    let items = TrainingItems(
      items: dataset.items, images: images, others: given.filter { $0.key != .image }, spaces: spaces,
      promptStyle: style, tokenFeatures: recommender.softTokens.features)
    let sampling = SamplingOptions(
      maxInteractions: training.maxInteractions, histories: training.histories, spaces: spaces,
      asksQuestions: training.asksQuestions,
      seed: training.seed)
    let sampler = try Sampler(users: dataset.users, items: items, questions: questions, options: sampling)
    let plan = try TrainingPlan(training.plan, sampler: sampler, users: dataset.users)
    note(summary(dataset, items, plan))
    facts.merge(plan.settings) { $1 }
    facts[RunSettings.features] = TrainingDigest.of(items, in: spaces)
    if let saved { try RunSettings.check(saved.state.settings, against: facts, path: saved.path) }
    if recommender.contextLength < model.maxTokens {
      note(
        "the LLM was made for \(recommender.contextLength) tokens: --max-tokens \(recommender.contextLength) would leave the "
          + "oldest items out of longer prompts; now those of up to \(model.maxTokens) are read")
    }
    try recommender.check(items)
    let builder = SampleBuilder(
      items: items, tokenizer: try LlamaTokenizer(of: start),
      maxInteractions: training.maxInteractions,
      llmDim: recommender.llmDim, maxPositions: model.maxTokens)
    // What can be refused is, before the work begins.
    let joint = try joint(dataset, items)
    let validation = try validation(dataset, items, builder)
    let notes = try notes(base, style, recommender)
    try base.fit(recommender, to: items, plan, builder, in: start) { try stop.check() }
    let progress = TrainingProgress(plan)
    let run = try TrainingRun(
      model: recommender, plan: plan, samples: builder, joint: joint, validation: validation,
      publisher: CheckpointPublisher(
        start: start, target: out.checkpoint, placement: model.frozenParts, notes: notes,
        features: try featureDigests(base, features, style)),
      directory: out, settings: facts, report: progress.show)
    if settings.resumes { try run.resume() }
    let outcome = try run.run { stop.isRaised }
    try LossPage(out).write()
    progress.end(outcome, run.state, out)
    return outcome
  }

  private func notes(
    _ start: TrainingStart, _ style: PromptStyle, _ model: TrainableRecommender
  ) throws -> TrainingNotes {
    let run = try out.identity(named: training.name, resumes: settings.resumes, now: .now)
    return TrainingNotes(
      promptStyle: style, maxHistoryItems: training.maxInteractions, softTokens: model.softTokens,
      loraRank: try self.model.lora ?? start.base.trainingNotes().loraRank, name: run.name, trainedAt: run.began)
  }

  /// With those of spaces that an earlier training had and this one leaves as they are.
  private func featureDigests(
    _ start: TrainingStart, _ given: GivenFeatures, _ style: PromptStyle
  ) throws -> [Space: String] {
    let read = Set(spaces).union(style.showsImages ? try start.softTokens().features : [])
    let earlier = try start.freshStart() == nil ? FeatureDigests.trained(start.base) : [:]
    return earlier.merging(given.notes(of: read)) { $1 }
  }

  /// Nil with the published loss.
  private func joint(_ dataset: Dataset, _ items: TrainingItems) throws -> JointSampler? {
    guard training.loss == .jointSoftmax else { return nil }
    return try JointSampler(
      users: dataset.users, items: items, others: training.softmaxNegatives, absences: training.absences,
      seed: training.seed)
  }

  private func checkDirectory() throws(CLIError) {
    let hasRun = !out.savedStates().isEmpty
    if hasRun, !settings.resumes {
      throw CLIError(
        .invalidInput, "\(out.path) holds a run already; go on with it by --resume, or give another directory")
    }
    if settings.resumes, !InputFile.isDirectory(out.path) {
      throw CLIError(.invalidInput, "\(out.path): there is no run to go on with; leave --resume out")
    }
  }

  private func modelOptions(_ start: TrainingStart, _ style: PromptStyle) throws -> TrainingModelOptions {
    TrainingModelOptions(
      spaces: spaces, trainsTokenEmbeddings: !model.keepsTokenEmbeddings, trainsAdaptor: style.showsImages,
      alignmentWeight: training.ilaWeight, sharesNegatives: training.shareNegatives, loss: training.recommendationLoss,
      lowRank: model.lora.map { LowRankStart(rank: $0, seed: training.seed) },
      freshStart: try start.freshStart(),
      loading: try LoadingOptions(precision: model.precision, computePath: nil, packedCache: nil).warningOnTerminal(),
      activationBytes: model.activationMemory << 20, maxPositions: model.maxTokens, threads: model.threads)
  }

  private func validation(
    _ dataset: Dataset, _ items: TrainingItems, _ builder: SampleBuilder
  ) throws -> RecommenderValidation? {
    guard !training.omitsValidation else { return nil }
    let hasNegatives = dataset.users.allSatisfy { !$0.negatives.isEmpty || $0.target(.validation) == nil }
    if !hasNegatives { note("there are no negatives: validation items are ranked among all items") }
    let task = try RankingTask(
      dataset: dataset, part: .validation, candidates: hasNegatives ? .negatives : .catalog)
    return try RecommenderValidation(task: task, items: items, builder: builder)
  }

  // MARK: Features

  private func importFeatures(of read: Set<Space>, items: Int) throws -> [Space: FeatureTable] {
    var tables: [Space: FeatureTable] = [:]
    for features in model.features {
      guard features.space == .image || read.contains(features.space) else { continue }
      tables[features.space] = try FeatureTable(importing: features.path, for: features.space, items: items)
    }
    let missing = read.subtracting(tables.keys).subtracting([.image]).sorted().map(\.checkpointName)
    guard missing.isEmpty else {
      throw CLIError(
        .invalidInput,
        "the checkpoint's soft tokens are made of features in \(missing.joined(separator: " and ")); give "
          + missing.map { "--features \($0)=FILE" }.joined(separator: " and "))
    }
    return tables
  }

  private func embedImages(_ items: [Dataset.Item], _ start: CheckpointLocation) throws -> FeatureTable {
    let tower = try ImageModel(
      checkpoint: start, spaces: [.image], threads: model.threads,
      loading: try LoadingOptions(precision: model.precision, computePath: nil, packedCache: nil).warningOnTerminal(),
      reading: model.images.reading)
    var cache = try ImageEmbeddingCache(directory: out.features, model: tower)
    let bar = ProgressBar("Images", total: items.count { $0.image != nil }, unit: "images")
    defer { bar.finish() }
    return try cache.embeddings(of: items, tower) { done, _ in
      bar.update(completed: done)
      try stop.check()
    }
  }

  // MARK: What the run is

  /// What the run goes on with only if it is the same, but for the plan and the features.
  private func facts(_ dataset: Dataset, _ start: TrainingStart) throws -> [String: String] {
    var facts = try start.fingerprints()
    facts["--ila-weight"] = "\(training.ilaWeight)"
    facts["--share-negatives"] = "\(training.shareNegatives)"
    facts["--spaces"] = spaces.map(\.checkpointName).joined(separator: ",")
    facts["--no-token-embeddings"] = "\(model.keepsTokenEmbeddings)"
    facts["--no-fitting"] = "\(model.omitsFitting)"
    facts["--precision"] = model.precision ?? "automatic"
    // Runs of earlier releases did not write it.
    if model.images.applyExifOrientation { facts["--apply-exif-orientation"] = "true" }
    facts["--max-tokens"] = "\(model.maxTokens)"
    facts["--no-validation"] = "\(training.omitsValidation)"
    // Runs of before know nothing of these: what is as published is not named.
    if training.loss != .bce {
      facts["--loss"] = training.loss.rawValue
      facts["--temperature"] = "\(training.temperature)"
      facts["--softmax-negatives"] = "\(training.softmaxNegatives)"
      for absence in training.spaceDropout where absence.share > 0 {
        facts["--space-dropout \(absence.space.checkpointName)"] = "\(absence.share)"
      }
      if training.spaceLossWeight > 0 { facts["--space-loss-weight"] = "\(training.spaceLossWeight)" }
    }
    let tokenFeatures = try start.softTokens().features
    if tokenFeatures != [.image] { facts["--token"] = tokenFeatures.map(\.checkpointName).joined(separator: ",") }
    if let lora = model.lora { facts["--lora"] = "\(lora)" }
    if model.positions { facts["--positions"] = "true" }
    facts[RunSettings.data] = TrainingDigest.of(dataset)
    return facts
  }

  private func summary(_ dataset: Dataset, _ items: TrainingItems, _ plan: TrainingPlan) -> String {
    let lacking = items.items.count - items.images.known
    var parts = [
      plan.sampler.users.count.counted("user"), items.items.count.counted("item"),
      "\(items.promptStyle.rawValue) prompts", "spaces \(spaces.map(\.checkpointName).joined(separator: ", "))",
      plan.totalSteps.counted("step"),
    ]
    if plan.sampler.users.count < dataset.users.count {
      parts.append("\((dataset.users.count - plan.sampler.users.count).counted("user")) too short to learn from")
    }
    if lacking > 0 {
      let consequence = items.promptStyle.showsImages && items.tokenFeatures == [.image] ? ", in no prompt" : ""
      parts.append("\(lacking.counted("item")) without an image\(consequence)")
    }
    for space in spaces where space != .image {
      let without = items.items.count - (items.features[space]?.known ?? 0)
      if without > 0 { parts.append("\(without.counted("item")) without a feature in \(space.checkpointName)") }
    }
    return parts.joined(separator: ", ")
  }

  private func note(_ text: String) {
    Terminal.standardError.writeLine(Terminal.standardError.styled(text, .dim))
  }
}
