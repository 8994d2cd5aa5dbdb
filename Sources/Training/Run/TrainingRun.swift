// SPDX-License-Identifier: Apache-2.0

import Glibc
import Kernels

/// Trains a model step by step, and leaves at any time what it takes to go on.
///
/// Computes on the calling thread and blocks. What a step computes follows from the settings, the data and the step alone: on
/// the same machine with as many threads, a run that was broken off and goes on ends with the same bytes.
package final class TrainingRun {
  package let plan: TrainingPlan
  package private(set) var state = TrainingState()
  let model: TrainableRecommender
  let optimizer: AdamW
  let directory: RunDirectory
  let publisher: CheckpointPublisher
  private let samples: SampleBuilder
  /// Nil with the published loss.
  private let joint: JointSampler?
  private let validation: RecommenderValidation?
  private let stepSize: StepSize
  private var lossLog: ValueLog
  private var validationLog: ValueLog
  private var savedStep: Int?
  /// Samples of this run whose prompt tells of no item, since the newest alone was too long.
  private var untoldSamples = 0
  private let report: (TrainingEvent) -> Void

  /// - Parameters:
  ///   - joint: draws candidates when the model's loss is a joint softmax.
  ///   - settings: what the run goes on with only if it is the same, by name.
  ///   - report: called on the thread that runs.
  package init(
    model: TrainableRecommender, plan: TrainingPlan, samples: SampleBuilder, joint: JointSampler? = nil,
    validation: RecommenderValidation?, publisher: CheckpointPublisher, directory: RunDirectory,
    settings: [String: String],
    report: @escaping (TrainingEvent) -> Void
  ) throws {
    self.model = model
    self.plan = plan
    self.samples = samples
    self.joint = joint
    self.validation = validation
    self.publisher = publisher
    self.directory = directory
    self.report = report
    state.settings = settings
    stepSize = StepSize(
      learningRate: plan.options.learningRate, totalSteps: plan.totalSteps, warmupSteps: plan.options.warmupSteps,
      clippingNorm: plan.options.clippingNorm)
    optimizer = AdamW(model.parameters, weightDecay: plan.options.weightDecay, team: model.team)
    try directory.create()
    lossLog = ValueLog(
      directory.losses, columns: ["step", "epoch", "learning_rate", "ire", "ila", "loss", "gradient_norm", "seconds"])
    validationLog = ValueLog(directory.validations, columns: ["step", "hit@5", "ndcg@5", "seconds"])
  }

  // MARK: Going on

  /// Goes on from the newest saved state that is sound. Without any the run starts from the beginning.
  package func resume() throws {
    let paths = directory.savedStates()
    var problem: TrainingError?
    for path in paths {
      switch Result(catching: { () throws(TrainingError) in try TrainingStateFile.read(path, into: optimizer) }) {
      case .success(let saved):
        try RunSettings.check(saved.settings, against: state.settings, path: path)
        let settings = state.settings
        state = saved
        // Of an earlier build's state some are new.
        state.settings = settings
        savedStep = saved.step
        report(.resumed(step: saved.step, path: path))
        return
      case .failure(let error):
        guard error.code == .malformed else { throw error }
        problem = error
        report(.note("\(error.message); going on from the state before it"))
      }
    }
    if let problem {
      throw TrainingError(
        .malformed, "\(directory.states) has no sound state to go on from; train anew in another directory",
        cause: problem)
    }
  }

  // MARK: Training

  /// Trains until the last step, until validation no longer gains, or until the caller stops it; then saves.
  ///
  /// - Parameter isStopped: asked between batches.
  package func run(isStopped: () -> Bool = { false }) throws -> TrainingOutcome {
    try lossLog.open(upTo: state.step)
    try validationLog.open(upTo: state.step)
    // A validation that was broken off comes first.
    guard try validateIfDue(isStopped) else { return try end(.stopped) }
    while state.step < plan.totalSteps, !isOutOfPatience {
      guard !isStopped(), try step(isStopped), try validateIfDue(isStopped) else { return try end(.stopped) }
      if state.step % plan.options.checkpointSteps == 0 { try save() }
    }
    return try end(isOutOfPatience ? .outOfPatience : .finished)
  }

  private var isOutOfPatience: Bool { plan.options.patience.map { state.validationsWithoutGain >= $0 } ?? false }

  private func end(_ outcome: TrainingOutcome) throws -> TrainingOutcome {
    try save()
    if untoldSamples > 0 {
      report(
        .note(
          "\(untoldSamples) samples told of no item: their newest item alone was too long for a prompt, as in the "
            + "published code"))
    }
    if outcome != .stopped, state.best == nil { try publisher.publish(model.parameters) }
    return outcome
  }

  /// - Returns: false when it was stopped; the step then was not done.
  private func step(_ isStopped: () -> Bool) throws -> Bool {
    let start = ContinuousClock.now
    let batches = plan.batches(ofStep: state.step)
    var losses = TrainingLosses(
      ire: 0, ila: 0, labelledTokens: 0, alignmentWeight: Double(model.options.alignmentWeight))
    var sampleCount = 0
    optimizer.clearGradients()
    for (index, batch) in batches.enumerated() {
      guard !isStopped() else { return false }
      let read = try batch.map { example in
        do {
          return try samples.sample(example)
        } catch {
          throw TrainingError(.invalidInput, "step \(state.step + 1): \(plan.describe(example))", cause: error)
        }
      }
      guard !read.isEmpty else { continue }
      noteUntold(zip(batch, read).filter { $1.recommendation.tellsOfNone }.map(\.0))
      let number = state.step * plan.options.accumulation + index
      let candidates = joint?.candidates(for: batch, batch: number)
      let part = try model.addGradients(
        of: read, among: candidates, scale: 1 / Float(batches.count), dropout: plan.dropout(ofBatch: number))
      guard part.total.isFinite else { throw try notFinite(part, batch, read) }
      losses.ire += part.ire / Double(batches.count)
      losses.ila += part.ila / Double(batches.count)
      losses.labelledTokens += part.labelledTokens
      sampleCount += read.count
    }
    let rate = stepSize.rate(ofStep: state.step)
    let norm = optimizer.gradientNorm()
    guard norm.isFinite else { throw notFiniteGradient() }
    if sampleCount > 0 { optimizer.step(learningRate: rate, gradientScale: stepSize.gradientScale(norm: norm)) }
    state.step += 1
    state.optimizerSteps = optimizer.steps
    state.seconds += start.duration(to: .now) / .seconds(1)
    let epoch = plan.epoch(ofStep: state.step - 1)
    try lossLog.append([
      Double(state.step), epoch, Double(rate), losses.ire, losses.ila, losses.total, norm, state.seconds,
    ])
    report(.step(.init(step: state.step, epoch: epoch, losses: losses, gradientNorm: norm, samples: sampleCount)))
    return true
  }

  /// Names the first: such a title is page script or the like, and the data can be mended.
  private func noteUntold(_ examples: [Sampler.Example]) {
    if untoldSamples == 0, let first = examples.first {
      report(
        .note(
          "step \(state.step + 1): the newest item of \(plan.describe(first)) alone is too long for a prompt, which tells of no "
            + "item; shorten its texts. Others are counted"))
    }
    untoldSamples += examples.count
  }

  /// - Returns: false when it was stopped.
  private func validateIfDue(_ isStopped: () -> Bool) throws -> Bool {
    guard let validation, state.step > state.validatedStep, plan.validates(after: state.step) else { return true }
    let start = ContinuousClock.now
    guard let (result, untold) = try validation.result(model, step: state.step, isStopped: isStopped) else {
      return false
    }
    if untold > 0, state.validatedStep == 0 {
      report(
        .note(
          "\(untold) users' newest item alone is too long for a prompt: validation reads prompts without items for them"
        ))
    }
    state.validatedStep = state.step
    // A state that was saved before it does not know of it.
    savedStep = nil
    state.seconds += start.duration(to: .now) / .seconds(1)
    try validationLog.append([Double(result.step), result.hit5, result.ndcg5, state.seconds])
    let isBest = result.isBetter(than: state.best)
    if isBest {
      try publisher.publish(model.parameters)
      state.best = result
      state.validationsWithoutGain = 0
    } else {
      state.validationsWithoutGain += 1
    }
    report(.validated(result, isBest: isBest))
    try save()
    return true
  }

  private func save() throws {
    guard savedStep != state.step else { return }
    let path = directory.state(step: state.step)
    try TrainingStateFile.write(state, optimizer, to: path)
    savedStep = state.step
    directory.removeOldStates()
    report(.saved(step: state.step, path: path))
  }

  // MARK: What is not finite

  private func notFinite(
    _ losses: TrainingLosses, _ batch: [Sampler.Example], _ read: [TrainingSample]
  ) throws -> TrainingError {
    var culprits: [String] = []
    for (example, sample) in zip(batch, read) {
      let alone = try model.losses(of: [sample], among: joint?.candidates(for: [example], batch: 0))
      if !alone.total.isFinite { culprits.append(plan.describe(example)) }
    }
    if culprits.isEmpty { culprits = batch.map(plan.describe) }
    return TrainingError(
      .notFinite,
      "step \(state.step + 1): the loss is \(losses.total) (ire \(losses.ire), ila \(losses.ila)), of "
        + culprits.joined(separator: "; ") + remedy)
  }

  private func notFiniteGradient() -> TrainingError {
    let parameter = model.parameters.first { parameter in !model.team.sumOfSquares(parameter.gradient).isFinite }
    return TrainingError(
      .notFinite,
      "step \(state.step + 1): the gradient of \(parameter?.name ?? "all parameters") is not finite" + remedy)
  }

  private var remedy: String {
    let last = directory.savedStates().first.map { "the last good state is \($0)" } ?? "no state was saved before"
    return ". Try a lower --learning-rate, or check these items' features; \(last)"
  }
}

/// How a run ended.
package enum TrainingOutcome: Sendable, Equatable {
  case finished
  /// Validation did not gain for as long as it may.
  case outOfPatience
  /// The caller stopped it; it can go on.
  case stopped
}
