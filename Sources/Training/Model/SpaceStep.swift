// SPDX-License-Identifier: Apache-2.0

import Kernels

/// One space's item vectors in a training step, and the loss's gradients by them.
final class SpaceStep {
  let projections: TrainableRecommender.SpaceProjections
  /// Of each sample with a target here, the row of its positive item; the negative one follows.
  let firstRow: [Int: Int]
  private let pass: TrainablePerceptron.Pass
  private var ditems: Activations  // [items, p]
  /// Of each pair of rows, the negative item.
  private let negatives: [Int?]
  private let sharesNegatives: Bool

  /// Nil when no sample has a target here.
  ///
  /// - Parameter sharesNegatives: whether the negative item of a sample stands for that of every other one that may have it.
  init?(
    _ projections: TrainableRecommender.SpaceProjections, _ batch: [TrainingSample], sharesNegatives: Bool,
    on team: ComputeTeam
  ) {
    self.projections = projections
    self.sharesNegatives = sharesNegatives
    var firstRow: [Int: Int] = [:]
    var features: [Float] = []
    var negatives: [Int?] = []
    for (index, sample) in batch.enumerated() {
      guard let target = sample.targets.first(where: { $0.space == projections.space }) else { continue }
      firstRow[index] = 2 * firstRow.count
      features += target.positive + target.negative
      negatives.append(target.negativeItem)
    }
    guard !firstRow.isEmpty else { return nil }
    self.firstRow = firstRow
    self.negatives = negatives
    let items = Activations(rows: 2 * firstRow.count, width: projections.item.inputs, values: features)
    pass = projections.item.forward(items, on: team)
    ditems = Activations(rows: 2 * firstRow.count, width: projections.item.outputs)
    ditems.clear()
  }

  /// BCE-with-logits of some samples' items: the positive one, and the mean of the negative ones.
  ///
  /// - Parameters:
  ///   - samples: of the batch, by their index in it, each with a target here.
  ///   - users: [samples, p].
  ///   - shares: what each sample counts in the loss.
  ///   - scale: of the gradients; those by the items are kept for `backward`.
  ///   - dusers: `scale` times the loss's gradient by the users' vectors [samples, p], overwritten.
  func loss(
    of samples: [(index: Int, sample: TrainingSample)], users: borrowing Activations, shares: [Float], scale: Float,
    dusers: inout Activations, on team: ComputeTeam
  ) -> Double {
    let targets = samples.map { sample in
      guard let row = firstRow[sample.index] else { preconditionFailure("sample \(sample.index) has no target here") }
      return Int32(row)
    }
    let weights = samples.indices.flatMap { index in
      self.weights(of: samples[index].sample, row: Int(targets[index]), share: shares[index])
    }
    let losses = team.binaryCrossEntropy(
      users: users, items: pass.output, weights: weights, targets: targets, scale: scale, dusers: &dusers,
      addingTo: &ditems)
    return losses.reduce(0, +)
  }

  /// What a sample's score with every row counts.
  private func weights(of sample: TrainingSample, row: Int, share: Float) -> [Float] {
    var weights = [Float](repeating: 0, count: 2 * negatives.count)
    weights[row] = share
    guard sharesNegatives else {
      weights[row + 1] = share
      return weights
    }
    let others = negatives.indices.filter { index in
      2 * index == row || negatives[index].map { !sample.metItems.contains($0) } ?? false
    }
    for index in others { weights[2 * index + 1] = share / Float(others.count) }
    return weights
  }

  func backward(on team: ComputeTeam) { projections.item.backward(ditems, pass, on: team) }
}
