// SPDX-License-Identifier: Apache-2.0

import Kernels
import Models

extension TrainingStep {
  /// Rows whose logits are held at once, V wide each.
  private static let logitRows = 128

  /// Adds a group's losses to the step's.
  ///
  /// - Parameter states: [R, d], after the final norm.
  /// - Returns: the loss's gradient by them, times `scale`: [R, d].
  func lossGradient(_ states: borrowing Activations, _ group: [StepSequence]) -> Activations {
    guard let stateFactors else { return undroppedGradient(states, group) }
    var kept = Activations(rows: states.rows, width: states.width, values: states.values)
    multiply(&kept, group, by: stateFactors)
    var dstates = undroppedGradient(kept, group)
    multiply(&dstates, group, by: stateFactors)
    return dstates
  }

  /// Multiplies the rows at [REC] with their samples' factors.
  private func multiply(_ rows: inout Activations, _ group: [StepSequence], by factors: [[Float]]) {
    var row = 0
    for sequence in group {
      if case .recommendation = sequence.reading {
        rows.setRow(row, to: zip(rows[row: row], factors[sequence.sample]).map { $0 * $1 })
      }
      row += sequence.outputs
    }
  }

  private func undroppedGradient(_ states: borrowing Activations, _ group: [StepSequence]) -> Activations {
    var dstates = Activations(rows: states.rows, width: states.width)
    dstates.clear()
    var recommendations: [(sample: Int, row: Int)] = []
    var labels: [(row: Int, token: Int32)] = []
    var row = 0
    for sequence in group {
      switch sequence.reading {
      case .recommendation: recommendations.append((sequence.sample, row))
      case .answer(let tokens): labels += zip(row..., tokens).map { (row: $0, token: $1) }
      }
      row += sequence.outputs
    }
    for space in spaces { addRecommendationLoss(in: space, states, recommendations, &dstates) }
    if let joint {
      let samples = recommendations.map { (index: $0.sample, sample: batch[$0.sample], row: $0.row) }
      ire += joint.loss(of: samples, states, scale: scale, addingTo: &dstates, on: team)
    }
    for start in stride(from: 0, to: labels.count, by: Self.logitRows) {
      addAnswerLoss(states, labels[start..<min(start + Self.logitRows, labels.count)], &dstates)
    }
    return dstates
  }

  /// Cross entropy of the tokens that some states predict.
  private func addAnswerLoss(
    _ states: borrowing Activations, _ labels: ArraySlice<(row: Int, token: Int32)>, _ dstates: inout Activations
  ) {
    let rows = labels.map(\.row)
    let scale = scale * model.options.alignmentWeight / Float(labelCount)
    var d = Activations(rows: rows.count, width: states.width)
    let losses = model.tokenLoss.losses(
      states.gathered(rows), targets: labels.map(\.token), scale: scale, dstates: &d, on: team)
    ila += losses.reduce(0) { $0 + Double($1) }
    guard scale != 0 else { return }
    team.scatterAdd(d, toRows: rows.map(Int32.init), of: &dstates)
  }

  /// The next item against others, by the inner products of their vectors with the user's.
  private func addRecommendationLoss(
    in space: SpaceStep, _ states: borrowing Activations, _ recommendations: [(sample: Int, row: Int)],
    _ dstates: inout Activations
  ) {
    let members = recommendations.filter { space.firstRow[$0.sample] != nil }
    guard !members.isEmpty else { return }
    let user = space.projections.user
    let pass = user.forward(states.gathered(members.map(\.row)), on: team)
    let samples = members.map { (index: $0.sample, sample: batch[$0.sample]) }
    let shares = samples.map { 1 / Float(batch.count * $0.sample.targets.count) }
    var dusers = Activations(rows: members.count, width: user.outputs)
    ire += space.loss(
      of: samples, users: pass.output, shares: shares, scale: scale, dusers: &dusers, on: team)
    guard scale != 0 else { return }
    let dfirst = user.backward(dusers, pass, on: team)
    team.scatterAdd(
      user.inputGradient(dfirst, on: team), toRows: members.map { Int32($0.row) }, of: &dstates)
  }
}
