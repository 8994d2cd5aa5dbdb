// SPDX-License-Identifier: Apache-2.0

package import Datasets

/// Which samples each step of a run reads.
package struct TrainingPlan: Sendable {
  package struct Options: Sendable, Equatable {
    package var epochs: Int
    /// Times that an epoch visits each user, every time for another sample.
    package var samplesPerUser: Int
    /// Steps of the whole run; by default what the epochs take.
    package var steps: Int?
    /// Samples of a batch.
    package var batchSize: Int
    /// Batches whose gradients make a step.
    package var accumulation: Int
    package var learningRate: Float
    /// Steps at the beginning whose learning rate rises to the full one.
    package var warmupSteps: Int
    package var weightDecay: Float
    /// Probability that an element of a soft token, or of a state at [REC], is dropped.
    package var dropout: Float
    /// Longest norm of all gradients together; nil to leave them.
    package var clippingNorm: Double?
    /// A state is saved after every so many steps.
    package var checkpointSteps: Int
    /// The validation items are ranked after every so many steps; after each epoch by default.
    package var validationSteps: Int?
    /// Validations in a row without a gain that end the run; nil for no end.
    package var patience: Int?

    package init(
      epochs: Int = 8, samplesPerUser: Int = 1, steps: Int? = nil, batchSize: Int = 8, accumulation: Int = 1,
      learningRate: Float = 5e-5, warmupSteps: Int = 0, weightDecay: Float = 0, dropout: Float = 0,
      clippingNorm: Double? = 1,
      checkpointSteps: Int = 200, validationSteps: Int? = nil,
      patience: Int? = nil
    ) {
      self.epochs = epochs
      self.samplesPerUser = samplesPerUser
      self.steps = steps
      self.batchSize = batchSize
      self.accumulation = accumulation
      self.learningRate = learningRate
      self.warmupSteps = warmupSteps
      self.weightDecay = weightDecay
      self.dropout = dropout
      self.clippingNorm = clippingNorm
      self.checkpointSteps = checkpointSteps
      self.validationSteps = validationSteps
      self.patience = patience
    }

    /// Refuses what no run can have, by the names of `illmrec train`'s flags. Whether the warm-up fits into the epochs is known
    /// with the data alone.
    package func check() throws(TrainingError) {
      let counts: [(flag: String, count: Int?, allowed: ClosedRange<Int>)] = [
        ("--epochs", epochs, 1...1_000_000), ("--samples-per-user", samplesPerUser, 1...100_000),
        ("--steps", steps, 1...1_000_000_000), ("--batch-size", batchSize, 1...65_536),
        ("--accumulation", accumulation, 1...65_536), ("--warmup-steps", warmupSteps, 0...1_000_000_000),
        ("--checkpoint-steps", checkpointSteps, 1...1_000_000_000),
        ("--validation-steps", validationSteps, 1...1_000_000_000), ("--patience", patience, 1...1_000_000_000),
      ]
      for case (let flag, let count?, let allowed) in counts where !allowed.contains(count) {
        throw TrainingError(
          .invalidInput, "\(flag) is \(count); allowed: \(allowed.lowerBound) to \(allowed.upperBound)")
      }
      guard learningRate.isFinite, learningRate > 0 else {
        throw TrainingError(.invalidInput, "--learning-rate is \(learningRate); it must be positive")
      }
      guard weightDecay.isFinite, weightDecay >= 0 else {
        throw TrainingError(.invalidInput, "--weight-decay is \(weightDecay); it is 0 or more")
      }
      guard TrainingDropout.probabilities.contains(dropout) else {
        throw TrainingError(
          .invalidInput,
          "--dropout is \(dropout); it is 0 or more and below \(TrainingDropout.probabilities.upperBound)")
      }
      if let steps, warmupSteps >= steps {
        throw TrainingError(
          .invalidInput, "--warmup-steps is \(warmupSteps), which does not fit into a run of --steps \(steps)")
      }
    }
  }

  package let options: Options
  package let sampler: Sampler
  private let users: [Dataset.User]

  package init(_ options: Options, sampler: Sampler, users: [Dataset.User]) throws(TrainingError) {
    try options.check()
    self.options = options
    self.sampler = sampler
    self.users = users
    guard (0..<totalSteps).contains(options.warmupSteps) else {
      throw TrainingError(
        .invalidInput, "\(options.warmupSteps) steps of warm-up do not fit into a run of \(totalSteps) steps")
    }
  }

  /// The last may have fewer batches, and its last batch fewer samples.
  package var stepsPerEpoch: Int {
    let batches = (samplesPerEpoch + options.batchSize - 1) / options.batchSize
    return (batches + options.accumulation - 1) / options.accumulation
  }

  private var samplesPerEpoch: Int { sampler.users.count * options.samplesPerUser }

  package var totalSteps: Int { options.steps ?? options.epochs * stepsPerEpoch }

  /// Epochs done before a step, counted from 0.
  func epoch(ofStep step: Int) -> Double { Double(step) / Double(stepsPerEpoch) }

  /// The batches of a step, counted from 0.
  package func batches(ofStep step: Int) -> [[Sampler.Example]] {
    let visits = visits(ofEpoch: step / stepsPerEpoch)
    let samplesPerStep = options.batchSize * options.accumulation
    let first = (step % stepsPerEpoch) * samplesPerStep
    let members = visits[first..<min(first + samplesPerStep, visits.count)]
    return stride(from: members.startIndex, to: members.endIndex, by: options.batchSize).map { start in
      members[start..<min(start + options.batchSize, members.endIndex)].compactMap {
        sampler.example(user: $0.user, pass: $0.pass)
      }
    }
  }

  /// - Parameter batch: counted over the whole run.
  func dropout(ofBatch batch: Int) -> TrainingDropout {
    TrainingDropout(probability: options.dropout, seed: sampler.options.seed &+ UInt64(batch + 1) &* Self.dropoutStream)
  }

  private static let dropoutStream: UInt64 = 0xBF58_476D_1CE4_E5B9

  /// The first examples of the run, of different users as far as there are.
  package func examples(first count: Int) -> [Sampler.Example] {
    let examples = visits(ofEpoch: 0).lazy.compactMap { sampler.example(user: $0.user, pass: $0.pass) }
    return Array(examples.prefix(count))
  }

  /// The users of an epoch, each as often as it has samples there.
  private func visits(ofEpoch epoch: Int) -> [(user: Int, pass: Int)] {
    let first = epoch * options.samplesPerUser
    return (first..<first + options.samplesPerUser).flatMap { pass in
      sampler.order(ofPass: pass).map { (user: $0, pass: pass) }
    }
  }

  /// - Parameter steps: done.
  func validates(after steps: Int) -> Bool {
    steps % (options.validationSteps ?? stepsPerEpoch) == 0 || steps == totalSteps
  }

  /// For messages.
  func describe(_ example: Sampler.Example) -> String {
    "user \(users[example.user].id) with items \(example.history.map(String.init).joined(separator: ", ")), then "
      + "\(example.target)"
  }
}
