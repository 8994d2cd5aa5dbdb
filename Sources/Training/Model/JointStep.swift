// SPDX-License-Identifier: Apache-2.0

import Kernels
import Models

/// The joint softmax of a training step: candidates' vectors in all spaces, and the loss's gradients by them.
final class JointStep {
  /// One space's block of the vectors.
  private final class Block {
    let projections: TrainableRecommender.SpaceProjections
    /// Candidates that have the space's feature.
    let members: [Int]
    let pass: TrainablePerceptron.Pass
    /// Of the vectors' elements.
    let elements: Range<Int>

    init(
      _ projections: TrainableRecommender.SpaceProjections, _ candidates: [JointCandidates.Candidate],
      elements: Range<Int>, on team: ComputeTeam
    ) {
      let space = projections.space
      let members = candidates.indices.filter { candidates[$0].features[space] != nil }
      self.projections = projections
      self.members = members
      self.elements = elements
      pass = projections.item.forward(
        Activations(
          rows: members.count, width: projections.item.inputs,
          values: members.flatMap { candidates[$0].features[space] ?? [] }), on: team)
    }
  }

  private let candidates: [JointCandidates.Candidate]
  private let blocks: [Block]
  private let softmax: JointSoftmax
  private let sampleCount: Int

  init(
    _ projections: [TrainableRecommender.SpaceProjections], _ candidates: JointCandidates, temperature: Float,
    on team: ComputeTeam
  ) {
    let all = candidates.all
    self.candidates = all
    sampleCount = candidates.targets.count
    var blocks: [Block] = []
    for space in projections {
      let start = blocks.last?.elements.upperBound ?? 0
      blocks.append(Block(space, all, elements: start..<start + space.item.outputs, on: team))
    }
    self.blocks = blocks
    let width = blocks.last?.elements.upperBound ?? 0
    softmax = JointSoftmax(
      candidates: all.count, width: width, logExpectedCounts: all.map(\.logExpectedCount), temperature: temperature)
    for block in blocks {
      for (row, candidate) in block.members.enumerated() {
        let start = candidate * width + block.elements.lowerBound
        let target = softmax.items.values[start..<start + block.elements.count]
        _ = UnsafeMutableBufferPointer(rebasing: target).update(fromContentsOf: block.pass.output[row: row])
      }
    }
  }

  /// The mean over the batch, of some of its samples.
  ///
  /// - Parameters:
  ///   - samples: of the batch, with the row of `states` that holds their state at [REC].
  ///   - states: [R, d].
  ///   - scale: of the gradients; those by the items are kept for `backward`.
  ///   - dstates: added to.
  func loss(
    of samples: [(index: Int, sample: TrainingSample, row: Int)], _ states: borrowing Activations, scale: Float,
    addingTo dstates: inout Activations, on team: ComputeTeam
  ) -> Double {
    guard !samples.isEmpty else { return 0 }
    let read = samples.map(\.row)
    var users = Activations(rows: samples.count, width: softmax.width)
    var rows = [[Float]](repeating: [], count: samples.count)
    for block in blocks {
      let pass = block.projections.user.forward(states.gathered(read), on: team)
      for row in rows.indices { rows[row] += pass.output[row: row] }
    }
    for (row, vector) in rows.enumerated() { users.setRow(row, to: vector) }
    var dusers = Activations(rows: samples.count, width: softmax.width)
    let losses = softmax.losses(
      users: users, targets: samples.map { Int32($0.index) },
      isHidden: { self.isHidden($1, from: samples[$0].sample, at: samples[$0].index) },
      scale: scale / Float(sampleCount), dusers: &dusers, on: team)
    if scale != 0 { backward(dusers, read, states, addingTo: &dstates, on: team) }
    return losses.reduce(0.0) { $0 + Double($1) } / Double(sampleCount)
  }

  /// Another copy of the target is no other item, and what the user met is no item to tell it from.
  private func isHidden(_ candidate: Int, from sample: TrainingSample, at index: Int) -> Bool {
    let item = candidates[candidate].item
    return item == candidates[index].item || sample.metItems.contains(item)
  }

  private func backward(
    _ dusers: borrowing Activations, _ read: [Int], _ states: borrowing Activations,
    addingTo dstates: inout Activations, on team: ComputeTeam
  ) {
    for block in blocks {
      let user = block.projections.user
      // Computed again: it is little, and a pass is one owner's, so that none is kept for each space.
      let pass = user.forward(states.gathered(read), on: team)
      let values = (0..<dusers.rows).flatMap { dusers[row: $0][block.elements] }
      let dfirst = user.backward(
        Activations(rows: dusers.rows, width: block.elements.count, values: values), pass, on: team)
      team.scatterAdd(user.inputGradient(dfirst, on: team), toRows: read.map(Int32.init), of: &dstates)
    }
  }

  /// The way back through the items' projections, once all samples' losses are known.
  func backward(on team: ComputeTeam) {
    for block in blocks where !block.members.isEmpty {
      var ditems = Activations(rows: block.members.count, width: block.elements.count)
      for (row, candidate) in block.members.enumerated() {
        let start = candidate * softmax.width + block.elements.lowerBound
        ditems.setRow(row, to: softmax.items.gradient[start..<start + block.elements.count])
      }
      block.projections.item.backward(ditems, block.pass, on: team)
    }
  }
}
