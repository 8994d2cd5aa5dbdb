// SPDX-License-Identifier: Apache-2.0

import Kernels

/// What the way back reads of a block's way forward.
final class SASRecBlockPass {
  let input: Activations  // [R, D]
  var attentionNormed: Activations  // [R, D]
  var query: Activations  // [R, D]
  var key: Activations  // [R, D]
  var value: Activations  // [R, D]
  var mixed: Activations  // [R, D], what attention gave
  var logSums: Activations  // [R, H]
  var middle: Activations  // [R, D], between attention and feed-forward
  var feedForwardNormed: Activations  // [R, D]
  var active: Activations  // [R, D], after the ReLU

  init(input: consuming Activations, heads: Int) {
    let (rows, width) = (input.rows, input.width)
    self.input = input
    attentionNormed = Activations(rows: rows, width: width)
    query = Activations(rows: rows, width: width)
    key = Activations(rows: rows, width: width)
    value = Activations(rows: rows, width: width)
    mixed = Activations(rows: rows, width: width)
    logSums = Activations(rows: rows, width: heads)
    middle = Activations(rows: 0, width: width)
    feedForwardNormed = Activations(rows: rows, width: width)
    active = Activations(rows: rows, width: width)
  }
}

/// What the way back reads of the way forward.
final class SASRecPass {
  let batch: SASRecBatch
  let dropout: SASRecDropout
  var blocks: [SASRecBlockPass] = []
  /// What the last norm reads and gives: [R, D] each.
  var last: Activations
  var output: Activations

  init(_ batch: SASRecBatch, dropout: SASRecDropout, width: Int) {
    self.batch = batch
    self.dropout = dropout
    last = Activations(rows: 0, width: width)
    output = Activations(rows: batch.rows, width: width)
  }
}

/// Which elements a step drops.
struct SASRecDropout {
  var probability: Float
  var seed: UInt64 = 0

  static let none = SASRecDropout(probability: 0)

  /// The places where something is dropped: 0 is after the embeddings, two more follow for each block.
  func apply(to x: inout Activations, place: Int, on team: ComputeTeam) {
    guard probability > 0 else { return }
    team.dropOut(&x, probability: probability, seed: seed &+ UInt64(place) &* 0x9E37_79B9_7F4A_7C15)
  }
}

extension SASRecNetwork {
  func forward(_ batch: SASRecBatch, dropout: SASRecDropout = .none) -> SASRecPass {
    let pass = SASRecPass(batch, dropout: dropout, width: settings.width)
    var x = Activations(rows: batch.rows, width: settings.width)
    team.lookUp(batch.items, in: items.tensor, factor: embeddingFactor, into: &x)
    team.lookUp(batch.positions, in: positions.tensor, adding: true, into: &x)
    dropout.apply(to: &x, place: 0, on: team)
    for (index, block) in blocks.enumerated() {
      let blockPass = SASRecBlockPass(input: x, heads: settings.heads)
      x = forward(block, blockPass, batch, dropout, place: 1 + 2 * index)
      pass.blocks.append(blockPass)
    }
    team.layerNorm(
      x, weight: lastNorm.weight.tensor, bias: lastNorm.bias.tensor, epsilon: Self.epsilon, into: &pass.output)
    pass.last = x
    return pass
  }

  /// Items' embeddings begin as large as if each element had the variance of a normed row's, as in Vaswani et al. 2017.
  var embeddingFactor: Float { Float(settings.width).squareRoot() }

  private func forward(
    _ block: Block, _ pass: SASRecBlockPass, _ batch: SASRecBatch, _ dropout: SASRecDropout, place: Int
  ) -> Activations {
    norm(pass.input, block.attentionNorm, into: &pass.attentionNormed)
    linear(pass.attentionNormed, block.query, into: &pass.query)
    linear(pass.attentionNormed, block.key, into: &pass.key)
    linear(pass.attentionNormed, block.value, into: &pass.value)
    team.attention(
      query: pass.query, key: pass.key, value: pass.value, sequences: batch.sequences, heads: settings.heads,
      keyValueHeads: settings.heads, into: &pass.mixed, logSums: &pass.logSums)
    var x = pass.mixed.copied()
    dropout.apply(to: &x, place: place, on: team)
    team.add(pass.input, to: &x)

    norm(x, block.feedForwardNorm, into: &pass.feedForwardNormed)
    linear(pass.feedForwardNormed, block.inner, into: &pass.active)
    team.relu(&pass.active)
    var out = Activations(rows: batch.rows, width: settings.width)
    linear(pass.active, block.outer, into: &out)
    dropout.apply(to: &out, place: place + 1, on: team)
    team.add(x, to: &out)
    pass.middle = x
    return out
  }

  private func linear(_ x: borrowing Activations, _ layer: Layer, into y: inout Activations) {
    team.linear(x, layer.weight.tensor, bias: layer.bias.tensor, into: &y)
  }

  private func norm(_ x: borrowing Activations, _ layer: Layer, into y: inout Activations) {
    team.layerNorm(x, weight: layer.weight.tensor, bias: layer.bias.tensor, epsilon: Self.epsilon, into: &y)
  }
}
