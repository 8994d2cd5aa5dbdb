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
    /// The candidates' vectors in this space alone; nil when it has no loss of its own.
    let own: JointSoftmax?

    /// - Parameter temperature: of the space's own softmax; nil for none.
    init(
      _ projections: TrainableRecommender.SpaceProjections, _ candidates: [JointCandidates.Candidate],
      elements: Range<Int>, temperature: Float?, on team: ComputeTeam
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
      own = temperature.map {
        JointSoftmax(
          candidates: candidates.count, width: elements.count, logExpectedCounts: candidates.map(\.logExpectedCount),
          temperature: $0)
      }
      own?.setItems(members, to: pass.output, at: 0)
    }

    func hasFeature(_ candidate: JointCandidates.Candidate) -> Bool { candidate.features[projections.space] != nil }
  }

  private let candidates: [JointCandidates.Candidate]
  private let blocks: [Block]
  private let softmax: JointSoftmax
  private let spaceWeight: Float
  private let sampleCount: Int

  init(
    _ projections: [TrainableRecommender.SpaceProjections], _ candidates: JointCandidates, _ loss: JointLoss,
    on team: ComputeTeam
  ) {
    let all = candidates.all
    spaceWeight = loss.spaceWeight
    self.candidates = all
    sampleCount = candidates.targets.count
    var blocks: [Block] = []
    for space in projections {
      let start = blocks.last?.elements.upperBound ?? 0
      blocks.append(
        Block(
          space, all, elements: start..<start + space.item.outputs,
          // A space's score is one of the terms of the sum, and as warm as their mean.
          temperature: loss.spaceWeight > 0 ? loss.temperature / Float(projections.count) : nil, on: team))
    }
    self.blocks = blocks
    let width = blocks.last?.elements.upperBound ?? 0
    softmax = JointSoftmax(
      candidates: all.count, width: width, logExpectedCounts: all.map(\.logExpectedCount), temperature: loss.temperature
    )
    for block in blocks { softmax.setItems(block.members, to: block.pass.output, at: block.elements.lowerBound) }
  }

  /// A sample of the batch whose loss is taken.
  typealias Member = (index: Int, sample: TrainingSample, row: Int)

  /// The mean over the batch, of some of its samples.
  ///
  /// - Parameters:
  ///   - samples: of the batch, with the row of `states` that holds their state at [REC].
  ///   - states: [R, d].
  ///   - scale: of the gradients; those by the items are kept for `backward`.
  ///   - dstates: added to.
  func loss(
    of samples: [Member], _ states: borrowing Activations, scale: Float,
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
    let scale = scale / Float(sampleCount)
    let losses = softmax.losses(
      users: users, targets: samples.map { Int32($0.index) },
      isHidden: { self.isHidden($1, from: samples[$0].sample, at: samples[$0].index) },
      scale: scale, dusers: &dusers, on: team)
    let own = blocks.reduce(0.0) { $0 + ownLoss(in: $1, of: samples, users, scale: scale, addingTo: &dusers, on: team) }
    if scale != 0 { backward(dusers, read, states, addingTo: &dstates, on: team) }
    return (losses.reduce(0.0) { $0 + Double($1) } + own) / Double(sampleCount)
  }

  /// The sum over the samples whose target has the space's feature, by what it counts; 0 when the space has no loss of its own.
  private func ownLoss(
    in block: Block, of samples: [Member], _ users: borrowing Activations, scale: Float,
    addingTo dusers: inout Activations, on team: ComputeTeam
  ) -> Double {
    let rows = samples.indices.filter { block.hasFeature(candidates[samples[$0].index]) }
    guard let own = block.own, !rows.isEmpty else { return 0 }
    let members = rows.map { samples[$0] }
    let vectors = Activations(
      rows: rows.count, width: own.width, values: rows.flatMap { users[row: $0][block.elements] })
    var dvectors = Activations(rows: rows.count, width: own.width)
    let weight = spaceWeight / Float(blocks.count)
    let losses = own.losses(
      users: vectors, targets: members.map { Int32($0.index) },
      isHidden: { user, candidate in
        let member = members[user]
        return !block.hasFeature(self.candidates[candidate])
          || self.isHidden(candidate, from: member.sample, at: member.index)
      }, scale: scale * weight, dusers: &dvectors, on: team)
    if scale != 0 {
      for (place, row) in rows.enumerated() {
        var all = dusers[row: row]
        for (element, gradient) in zip(block.elements, dvectors[row: place]) { all[element] += gradient }
        dusers.setRow(row, to: all)
      }
    }
    return losses.reduce(0.0) { $0 + Double($1) } * Double(weight)
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
      ditems.clear()
      softmax.addItemGradient(of: block.members, at: block.elements.lowerBound, to: &ditems)
      block.own?.addItemGradient(of: block.members, at: 0, to: &ditems)
      block.projections.item.backward(ditems, block.pass, on: team)
    }
  }
}
