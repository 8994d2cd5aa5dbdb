// SPDX-License-Identifier: Apache-2.0

package import Datasets
import Evaluation
import Kernels

/// Trains a SASRec on the training part of a dataset, and keeps the weights that rank the validation items best.
///
/// Computes on the calling thread and blocks: call it from a compute worker. The same settings, data and number of threads give
/// the same weights, bit for bit.
package struct SASRecTraining {
  /// How far a training is.
  package struct Progress: Sendable {
    /// Epochs done.
    package let epoch: Int
    /// Of the epoch, the mean over its rows, in nats.
    package let loss: Double
    /// Nil when the epoch was not validated.
    package let validation: Validation?
    /// The best so far.
    package let best: Validation?
  }

  package struct Validation: Sendable, Equatable {
    package let epoch: Int
    package let hit5: Double
    package let ndcg5: Double
  }

  package struct Outcome: Sendable {
    package let weights: SASRecWeights
    package let best: Validation
    /// Every validation, in order.
    package let validations: [Validation]
    package let epochs: Int
  }

  private let dataset: Dataset
  private let settings: SASRecSettings
  private let sampler: SASRecSampler
  private let validation: RankingTask
  private let team: ComputeTeam

  /// - Parameter threads: of the computation; one for each CPU of the process by default.
  package init(dataset: Dataset, settings: SASRecSettings = SASRecSettings(), threads: Int? = nil) throws {
    try settings.check()
    self.dataset = dataset
    self.settings = settings
    sampler = try SASRecSampler(dataset, settings)
    let hasNegatives = dataset.users.allSatisfy { !$0.negatives.isEmpty }
    validation = try RankingTask(
      dataset: dataset, part: .validation, candidates: hasNegatives ? .negatives : .catalog)
    team = ComputeTeam(threads: threads ?? ComputeTeam.availableCPUs)
  }

  /// - Parameter progress: called after each epoch; what it throws ends the training.
  package func run(progress: (Progress) throws -> Void = { _ in }) throws -> Outcome {
    let network = SASRecNetwork(settings, items: dataset.items.count, team: team)
    let optimizer = AdamW(
      network.parameters, betas: (0.9, 0.98), weightDecay: Float(settings.weightDecay), team: team)
    var validations: [Validation] = []
    var best: (validation: Validation, weights: SASRecWeights)?
    var epoch = 0
    while epoch < settings.epochs {
      epoch += 1
      let loss = try train(network, optimizer, epoch: epoch)
      var validated: Validation?
      if epoch % settings.validationInterval == 0 || epoch == settings.epochs {
        let weights = network.weights
        let now = try validate(weights, epoch: epoch)
        validations.append(now)
        if now.isBetter(than: best?.validation) { best = (now, weights) }
        validated = now
      }
      try progress(Progress(epoch: epoch, loss: loss, validation: validated, best: best?.validation))
      let unimproved = validations.count { $0.epoch > best?.validation.epoch ?? 0 }
      if unimproved >= settings.patience { break }
    }
    guard let best else { preconditionFailure("the last epoch is always validated") }
    return Outcome(weights: best.weights, best: best.validation, validations: validations, epochs: epoch)
  }

  private func train(_ network: SASRecNetwork, _ optimizer: AdamW, epoch: Int) throws(TrainingError) -> Double {
    var (sum, rows) = (0.0, 0)
    for windows in sampler.batches(epoch: epoch) {
      let batch = SASRecBatch(windows.map { $0.items.dropLast() }, length: settings.length)
      let (next, negatives) = sampler.targets(of: windows, step: optimizer.steps)
      let others = settings.loss == .crossEntropy ? SASRecNetwork.Others.all : .negatives(negatives)
      let seed = SplitMix64(seed: settings.seed ^ 0xD509, stream: UInt64(optimizer.steps)).state
      for parameter in network.parameters { parameter.clearGradient() }
      let loss = network.addGradients(
        of: batch, next: next, against: others,
        dropout: SASRecDropout(probability: settings.dropout, seed: seed))
      guard loss.isFinite else {
        throw TrainingError(
          .notFinite,
          "SASRec's loss is \(loss) in epoch \(epoch); choose a learning rate below \(settings.learningRate)")
      }
      optimizer.step(learningRate: Float(settings.learningRate))
      sum += loss * Double(batch.rows)
      rows += batch.rows
    }
    return sum / Double(rows)
  }

  private func validate(_ weights: SASRecWeights, epoch: Int) throws -> Validation {
    let ranks = try validation.rank(with: SASRec(weights: weights, team: team)).ranks
    return Validation(
      epoch: epoch, hit5: Metric.hit(5).mean(over: ranks), ndcg5: Metric.ndcg(5).mean(over: ranks))
  }
}

extension SASRecTraining.Validation {
  /// By Hit@5 and NDCG@5 together: the one says whether a target is found, the other how high.
  fileprivate func isBetter(than other: SASRecTraining.Validation?) -> Bool {
    guard let other else { return true }
    return hit5 + ndcg5 > other.hit5 + other.ndcg5
  }
}
