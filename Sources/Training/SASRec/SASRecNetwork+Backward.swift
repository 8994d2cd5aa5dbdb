// SPDX-License-Identifier: Apache-2.0

import Kernels

extension SASRecNetwork {
  /// Adds the gradient of the mean binary cross entropy: each row is to score the item that comes next above 0 and one that
  /// the user never met below.
  ///
  /// - Parameters:
  ///   - next: [R].
  ///   - negatives: [R].
  /// - Returns: the loss in nats, both terms together: 2 log 2 when nothing is known.
  func addGradients(
    of batch: SASRecBatch, next: [Int32], negatives: [Int32], dropout: SASRecDropout = .none
  ) -> Double {
    let pass = forward(batch, dropout: dropout)
    let scale = 1 / Float(batch.rows)
    var d = Activations(rows: batch.rows, width: settings.width)
    d.clear()
    var loss = 0.0
    for (indices, label) in [(next, Float(1)), (negatives, 0)] {
      let scores = team.rowScores(pass.output, of: indices, in: items.tensor)
      let (part, dscores) = ComputeTeam.binaryCrossEntropy(scores, label: label, scale: scale)
      loss += part / Double(batch.rows)
      team.rowScoresBackward(dscores, of: pass.output, indices, in: items.tensor, addingTo: &d)
    }
    backward(&d, pass)
    return loss
  }

  /// Adds the gradients by all parameters from that by the output, which it overwrites.
  private func backward(_ d: inout Activations, _ pass: SASRecPass) {
    normBackward(&d, of: pass.last, lastNorm)
    for (index, block) in blocks.enumerated().reversed() {
      backward(&d, block, pass.blocks[index], pass, place: 1 + 2 * index)
    }
    pass.dropout.apply(to: &d, place: 0, on: team)
    team.scatterAdd(d, toRows: pass.batch.positions, ofGradient: positions.tensor)
    team.scale(&d, by: embeddingFactor)
    team.scatterAdd(d, toRows: pass.batch.items, ofGradient: items.tensor)
  }

  /// `d` holds the gradient by a block's output, and then that by its input.
  private func backward(
    _ d: inout Activations, _ block: Block, _ blockPass: SASRecBlockPass, _ pass: SASRecPass, place: Int
  ) {
    let (rows, width) = (d.rows, d.width)
    var branch = d.copied()
    pass.dropout.apply(to: &branch, place: place + 1, on: team)
    var inner = Activations(rows: rows, width: width)
    linearBackward(branch, of: blockPass.active, block.outer, into: &inner)
    team.reluBackward(&inner, from: blockPass.active)
    linearBackward(inner, of: blockPass.feedForwardNormed, block.inner, into: &branch)
    normBackward(&branch, of: blockPass.middle, block.feedForwardNorm)
    team.add(branch, to: &d)

    branch = d.copied()
    pass.dropout.apply(to: &branch, place: place, on: team)
    var dquery = Activations(rows: rows, width: width)
    var dkey = Activations(rows: rows, width: width)
    var dvalue = Activations(rows: rows, width: width)
    team.attentionBackward(
      branch, out: blockPass.mixed, logSums: blockPass.logSums, query: blockPass.query, key: blockPass.key,
      value: blockPass.value, sequences: pass.batch.sequences, heads: settings.heads, keyValueHeads: settings.heads,
      dquery: &dquery, dkey: &dkey, dvalue: &dvalue)
    linearBackward(dquery, of: blockPass.attentionNormed, block.query, into: &branch)
    linearBackward(dkey, of: blockPass.attentionNormed, block.key, adding: true, into: &branch)
    linearBackward(dvalue, of: blockPass.attentionNormed, block.value, adding: true, into: &branch)
    normBackward(&branch, of: blockPass.input, block.attentionNorm)
    team.add(branch, to: &d)
  }

  private func linearBackward(
    _ dy: borrowing Activations, of x: borrowing Activations, _ layer: Layer, adding: Bool = false,
    into dx: inout Activations
  ) {
    team.addLinearGradient(dy, of: x, to: layer.weight.tensor, bias: layer.bias.tensor)
    team.linearBackward(dy, through: layer.weight.tensor, adding: adding, into: &dx)
  }

  private func normBackward(_ dy: inout Activations, of x: borrowing Activations, _ layer: Layer) {
    team.layerNormBackward(
      &dy, of: x, weight: layer.weight.tensor, bias: layer.bias.tensor, epsilon: Self.epsilon)
  }
}
