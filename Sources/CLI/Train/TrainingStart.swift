// SPDX-License-Identifier: Apache-2.0

import Foundation
import Models
import Training

/// The checkpoint that a run starts from: the user's, or one beside it whose rec_module is random.
struct TrainingStart {
  private let settings: TrainingSettings
  /// Of the features that were imported.
  private let widths: [Space: Int]

  /// Prompts to fit to: a 20th of the run's samples, within these.
  private static let promptsToFit = 32...512

  init(_ settings: TrainingSettings, features widths: [Space: Int]) {
    self.settings = settings
    self.widths = widths
  }

  /// The user's.
  var base: CheckpointLocation {
    CheckpointLocation(directory: settings.checkpoint, llmWeights: settings.model.llmWeights)
  }

  private var isFresh: Bool { settings.model.fresh || !CheckpointLocation.exists(base.recModule) }

  /// Nil when training starts from the user's `rec_module/`.
  func freshStart() throws -> FreshStart? {
    guard isFresh else { return nil }
    var dims = widths
    dims[.image] = try widths[.image] ?? Self.width(base.visionTower + "/config.json")
    return FreshStart(
      featureDims: dims, softTokens: try softTokens(), spaceDim: settings.model.spaceDim, seed: settings.training.seed)
  }

  /// How prompts tell of items: as the user says, or as the user's `rec_module/` was trained.
  func promptStyle() throws -> PromptStyle {
    if let prompts = settings.training.prompts { return prompts }
    return isFresh ? .image : try base.promptStyle()
  }

  /// What soft tokens are made of: as the user says, or as the user's `rec_module/` was trained, which cannot become another.
  func softTokens() throws -> SoftTokenLayout {
    let (model, read) = (settings.model, settings.training.maxInteractions)
    let known: SoftTokenLayout = try isFresh ? .published : base.trainingNotes().softTokens
    var features = known.features
    if let token = model.token { features = token == .image ? [.image] : Self.spaces(of: model.features) }
    let positions = known.positions > 0 ? known.positions : model.positions ? read : 0
    let layout = SoftTokenLayout(features: features, positions: positions)
    guard isFresh || layout == known else {
      throw CLIError(
        .invalidInput,
        "\(base.recModule) was trained with other soft tokens than --token and --positions ask for; start from random weights with "
          + "--fresh, or leave the flags out")
    }
    guard positions == 0 || read <= positions else {
      throw CLIError(
        .invalidInput,
        "\(base.recModule) has positions for \(positions) items, and --max-interactions is \(read); read as many at most"
      )
    }
    guard try layout.isPublished || promptStyle().showsImages else {
      throw CLIError(
        .invalidInput,
        "--token all and --positions are of soft tokens, which these prompts do not have; use others, or --fresh")
    }
    return layout
  }

  private static func spaces(of files: [FeatureFile]) -> [Space] {
    Space.allCases.filter { space in space == .image || files.contains { $0.space == space } }
  }

  /// What the run is of, beside what flags say: other weights of the same shapes would be gone on with by mistake.
  func fingerprints() throws -> [String: String] {
    let threads = settings.model.threads
    var facts = [RunSettings.llm: try base.llmFingerprint(threads: threads)]
    facts[RunSettings.tower] = try base.towerFingerprint(threads: threads)
    facts[RunSettings.start] = try base.startFingerprint(isFresh: isFresh, threads: threads)
    if isFresh { facts[RunSettings.spaceDim] = "\(settings.model.spaceDim)" }
    return facts
  }

  /// Where `model` starts from; a random start is written first, unless a run that goes on has it.
  func checkpoint(of model: TrainableRecommender) throws -> CheckpointLocation {
    guard isFresh else { return base }
    let start = CheckpointLocation(directory: settings.out.path + "/start", llmWeights: settings.model.llmWeights)
    if !isWritten(start) { try write(model, to: start) }
    return start
  }

  /// Whether a run that goes on has its start, over the frozen parts where they are now. It is written again once it is fitted, after all
  /// that can be refused.
  private func isWritten(_ start: CheckpointLocation) -> Bool {
    guard settings.resumes, CheckpointLocation.exists(start.recModule) else { return false }
    return [(start.tokenizer, base.tokenizer), (start.visionTower, base.visionTower)].allSatisfy { place, source in
      URL(filePath: place).resolvingSymlinksInPath() == URL(filePath: source).resolvingSymlinksInPath()
    }
  }

  /// Fits a random start to what it will read, and writes it again.
  ///
  /// - Parameter check: throws when the user wants to stop.
  func fit(
    _ model: TrainableRecommender, to items: TrainingItems, _ plan: TrainingPlan, _ builder: SampleBuilder,
    in start: CheckpointLocation, check: () throws -> Void
  ) throws {
    guard isFresh, !settings.model.omitsFitting else { return }
    let samples = plan.totalSteps * plan.options.batchSize * plan.options.accumulation
    let count = min(max(samples / 20, Self.promptsToFit.lowerBound), Self.promptsToFit.upperBound)
    let prompts = try plan.examples(first: count).map { try builder.recommendation($0.history) }
    let bar = ProgressBar("Fitting", total: prompts.count, unit: "prompts")
    defer { bar.finish() }
    try model.fitStart(to: items, prompts: prompts) { read in
      bar.update(completed: read)
      try check()
    }
    try write(model, to: start)
  }

  private func write(_ model: TrainableRecommender, to start: CheckpointLocation) throws {
    let publisher = CheckpointPublisher(
      start: base, target: start.directory,
      notes: TrainingNotes(softTokens: model.softTokens, loraRank: try base.trainingNotes().loraRank))
    try publisher.publish(model.recModule, keepingOthers: false)
  }

  private struct Configuration: Decodable {
    let hiddenSize: Int
    private enum CodingKeys: String, CodingKey { case hiddenSize = "hidden_size" }
  }

  private static func width(_ path: String) throws(CLIError) -> Int {
    let json = try InputFile.bytes(of: path, what: "the model's configuration")
    do {
      return try JSONDecoder().decode(Configuration.self, from: json).hiddenSize
    } catch {
      throw CLIError(.invalidInput, "\(path) does not say hidden_size", cause: error)
    }
  }
}
