// SPDX-License-Identifier: Apache-2.0

import Kernels

extension SASRecNetwork {
  /// What a row's next item is told from.
  enum Others {
    /// One item for each row that the user never met, by binary cross entropy: the next one's score is to be above 0, its below.
    case negatives([Int32])
    /// All items, by cross entropy.
    case all
  }

  /// Rows whose logits are held at once, N wide each.
  private static let logitRows = 256

  /// Adds the gradient of the mean loss.
  ///
  /// - Parameter next: [R].
  /// - Returns: the loss in nats; of binary cross entropy both terms together: 2 log 2 when nothing is known.
  func addGradients(
    of batch: SASRecBatch, next: [Int32], against others: Others, dropout: SASRecDropout = .none
  ) -> Double {
    let pass = forward(batch, dropout: dropout)
    var d = Activations(rows: batch.rows, width: settings.width)
    d.clear()
    let loss =
      switch others {
      case .negatives(let negatives): addBinary(pass, next, negatives, &d)
      case .all: addCrossEntropy(pass, next, &d)
      }
    backward(&d, pass)
    return loss
  }

  private func addCrossEntropy(_ pass: SASRecPass, _ next: [Int32], _ d: inout Activations) -> Double {
    var loss = 0.0
    for start in stride(from: 0, to: next.count, by: Self.logitRows) {
      let rows = Array(start..<min(start + Self.logitRows, next.count))
      let read = pass.output.gathered(rows)
      var logits = Activations(rows: rows.count, width: itemCount)
      team.linear(read, items.tensor, into: &logits)
      let losses = team.crossEntropy(&logits, targets: rows.map { next[$0] }, scale: 1 / Float(next.count))
      loss += losses.reduce(0.0) { $0 + Double($1) } / Double(next.count)
      team.addLinearGradient(logits, of: read, to: items.tensor)
      var dread = Activations(rows: rows.count, width: settings.width)
      team.linearBackward(logits, through: items.tensor, into: &dread)
      team.scatterAdd(dread, toRows: rows.map(Int32.init), of: &d)
    }
    return loss
  }

  private func addBinary(
    _ pass: SASRecPass, _ next: [Int32], _ negatives: [Int32], _ d: inout Activations
  ) -> Double {
    let scale = 1 / Float(next.count)
    var loss = 0.0
    for (indices, label) in [(next, Float(1)), (negatives, 0)] {
      let scores = team.rowScores(pass.output, of: indices, in: items.tensor)
      let (part, dscores) = ComputeTeam.binaryCrossEntropy(scores, label: label, scale: scale)
      loss += part / Double(next.count)
      team.rowScoresBackward(dscores, of: pass.output, indices, in: items.tensor, addingTo: &d)
    }
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
