// SPDX-License-Identifier: Apache-2.0

import Kernels
import Models

extension DifferentiableLlama {
  /// One layer up to the product of its feed-forward: everything that its way back reads.
  ///
  /// - Parameter input: [T, D].
  func forwardToFeedForward(
    _ index: Int, _ input: borrowing Activations, _ sequences: PackedSequences, _ kept: LayerActivations
  ) {
    let (layer, attention) = (llm.layers[index], llm.layers[index].attention)
    let rows = isLast(index) ? sequences.outputRows.count : input.rows
    kept.reset(rows: rows, keyRows: input.rows)
    workspace.normed.reset(rows: input.rows)
    llm.norm(input, weight: layer.attentionNorm, into: &workspace.normed)
    team.linear(workspace.normed, attention.keyWeight, bias: attention.keyBias, into: &kept.key)
    team.linear(workspace.normed, attention.valueWeight, bias: attention.valueBias, into: &kept.value)
    let change = change(ofLayer: index)
    change?.key.add(of: workspace.normed, to: &kept.key, on: team)
    change?.value.add(of: workspace.normed, to: &kept.value, on: team)
    if isLast(index) {
      let outputs = sequences.outputRows.map(Int.init)
      let read = workspace.normed.gathered(outputs)
      team.linear(read, attention.queryWeight, bias: attention.queryBias, into: &kept.query)
      change?.query.add(of: read, to: &kept.query, on: team)
      copy(input.gathered(outputs), into: &kept.middle)
    } else {
      team.linear(workspace.normed, attention.queryWeight, bias: attention.queryBias, into: &kept.query)
      change?.query.add(of: workspace.normed, to: &kept.query, on: team)
      copy(input, into: &kept.middle)
    }
    if attention.queryNorm != nil { copy(kept.query, into: &kept.projectedQuery) }
    if attention.keyNorm != nil { copy(kept.key, into: &kept.projectedKey) }
    attention.place(&kept.query, norm: attention.queryNorm, at: queryPositions(index, sequences), on: team)
    attention.place(&kept.key, norm: attention.keyNorm, at: sequences.positions, on: team)
    team.attention(
      query: kept.query, key: kept.key, value: kept.value, sequences: spans(index, sequences),
      heads: configuration.heads, keyValueHeads: configuration.keyValueHeads, scoring: attention.scoring,
      into: &kept.attended, logSums: &kept.logSums)
    addAttended(layer, change, kept)
    workspace.normed.reset(rows: rows)
    llm.norm(kept.middle, weight: layer.feedForwardNorm, into: &workspace.normed)
    team.linear(workspace.normed, layer.feedForward.gateWeight, bias: layer.feedForward.gateBias, into: &kept.gate)
    team.linear(workspace.normed, layer.feedForward.upWeight, bias: layer.feedForward.upBias, into: &kept.up)
  }

  /// Adds attention's branch to the residual.
  private func addAttended(_ layer: LlamaLayer, _ change: AttentionChanges?, _ kept: LayerActivations) {
    guard let change else {
      llm.addAttended(kept.attended, layer, to: &kept.middle)
      return
    }
    attendedBranch(layer, change, kept)
    if let weight = layer.attendedNorm {
      team.rmsNorm(&workspace.branch, weight: weight, epsilon: configuration.normEpsilon)
    }
    team.add(workspace.branch, to: &kept.middle)
  }

  /// Leaves what attention gives, before the norm behind it, in the workspace.
  private func attendedBranch(_ layer: LlamaLayer, _ change: AttentionChanges?, _ kept: LayerActivations) {
    workspace.branch.reset(rows: kept.attended.rows)
    team.linear(
      kept.attended, layer.attention.outputWeight, bias: layer.attention.outputBias, into: &workspace.branch)
    change?.output.add(of: kept.attended, to: &workspace.branch, on: team)
  }

  /// The rest of the layer.
  ///
  /// - Parameter output: [T, D], or [R, D] in the last layer.
  func finish(_ index: Int, _ kept: LayerActivations, into output: inout Activations) {
    let (layer, feedForward) = (llm.layers[index], llm.layers[index].feedForward)
    output.reset(rows: kept.middle.rows)
    copy(kept.middle, into: &output)
    copy(kept.gate, into: &workspace.product)
    feedForward.multiply(&workspace.product, by: kept.up, on: team)
    guard let weight = layer.outputNorm else {
      team.linear(workspace.product, feedForward.downWeight, bias: feedForward.downBias, addingTo: &output)
      return
    }
    workspace.branch.reset(rows: output.rows)
    team.linear(workspace.product, feedForward.downWeight, bias: feedForward.downBias, into: &workspace.branch)
    team.rmsNorm(&workspace.branch, weight: weight, epsilon: configuration.normEpsilon)
    team.add(workspace.branch, to: &output)
  }

  /// One layer back.
  ///
  /// - Parameters:
  ///   - input: [T, D], what the layer read.
  ///   - kept: its gate and up projections become their gradients.
  ///   - d: the loss's gradient by the layer's output, [T, D], or [R, D] in the last layer; becomes that by its input, [T, D].
  func backward(
    _ index: Int, _ input: borrowing Activations, _ sequences: PackedSequences, _ kept: LayerActivations,
    _ d: inout Activations
  ) {
    let (layer, attention) = (llm.layers[index], llm.layers[index].attention)
    feedForwardBackward(layer, kept, &d)
    workspace.reset(rows: d.rows, keyRows: input.rows)
    let change = change(ofLayer: index)
    attendedBackward(layer, change, kept, d)
    team.attentionBackward(
      workspace.dattended, out: kept.attended, logSums: kept.logSums, query: kept.query, key: kept.key,
      value: kept.value, sequences: spans(index, sequences), heads: configuration.heads,
      keyValueHeads: configuration.keyValueHeads, scoring: attention.scoring, dquery: &workspace.dquery,
      dkey: &workspace.dkey, dvalue: &workspace.dvalue)
    attention.placeBackward(
      &workspace.dquery, of: kept.projectedQuery, norm: attention.queryNorm, at: queryPositions(index, sequences),
      on: team)
    attention.placeBackward(
      &workspace.dkey, of: kept.projectedKey, norm: attention.keyNorm, at: sequences.positions, on: team)
    workspace.normed.reset(rows: input.rows)
    team.linearBackward(workspace.dkey, through: attention.keyWeight, into: &workspace.normed)
    team.linearBackward(workspace.dvalue, through: attention.valueWeight, adding: true, into: &workspace.normed)
    if let change { changeBackward(change, index, input, sequences) }
    if isLast(index) {
      spread(&d, attention, sequences)
    } else {
      team.linearBackward(workspace.dquery, through: attention.queryWeight, adding: true, into: &workspace.normed)
    }
    normBackward(workspace.normed, of: input, weight: layer.attentionNorm, addingTo: &d)
  }

  /// Of the branch's product with its output weights, and of the norm behind it.
  private func attendedBackward(
    _ layer: LlamaLayer, _ change: AttentionChanges?, _ kept: LayerActivations, _ d: borrowing Activations
  ) {
    let weight = layer.attention.outputWeight
    guard let norm = layer.attendedNorm else {
      team.linearBackward(d, through: weight, into: &workspace.dattended)
      change?.output.backward(d, of: kept.attended, addingTo: &workspace.dattended, on: team)
      return
    }
    attendedBranch(layer, change, kept)
    branchBackward(d, norm)
    team.linearBackward(workspace.dbranch, through: weight, into: &workspace.dattended)
    change?.output.backward(workspace.dbranch, of: kept.attended, addingTo: &workspace.dattended, on: team)
  }

  /// Leaves the gradient by the branch, which a norm read, in the workspace.
  private func branchBackward(_ d: borrowing Activations, _ weight: WeightTensor) {
    workspace.dbranch.reset(rows: d.rows)
    workspace.dbranch.clear()
    team.rmsNormBackward(
      d, of: workspace.branch, weight: weight, epsilon: configuration.normEpsilon, addingTo: &workspace.dbranch)
  }

  /// Adds the gradient by what a branch's norm read; the branch itself read it where there is none.
  private func normBackward(
    _ dnormed: borrowing Activations, of x: borrowing Activations, weight: WeightTensor?, addingTo d: inout Activations
  ) {
    if let weight {
      team.rmsNormBackward(dnormed, of: x, weight: weight, epsilon: configuration.normEpsilon, addingTo: &d)
    } else {
      team.add(dnormed, to: &d)
    }
  }

  private func feedForwardBackward(_ layer: LlamaLayer, _ kept: LayerActivations, _ d: inout Activations) {
    let feedForward = layer.feedForward
    if let weight = layer.outputNorm {
      copy(kept.gate, into: &workspace.product)
      feedForward.multiply(&workspace.product, by: kept.up, on: team)
      workspace.branch.reset(rows: d.rows)
      team.linear(workspace.product, feedForward.downWeight, bias: feedForward.downBias, into: &workspace.branch)
      branchBackward(d, weight)
      team.linearBackward(workspace.dbranch, through: feedForward.downWeight, into: &workspace.product)
    } else {
      workspace.product.reset(rows: d.rows)
      team.linearBackward(d, through: feedForward.downWeight, into: &workspace.product)
    }
    feedForward.multiplyBackward(&kept.gate, by: &kept.up, workspace.product, on: team)
    workspace.normed.reset(rows: d.rows)
    team.linearBackward(kept.gate, through: feedForward.gateWeight, into: &workspace.normed)
    team.linearBackward(kept.up, through: feedForward.upWeight, adding: true, into: &workspace.normed)
    normBackward(workspace.normed, of: kept.middle, weight: layer.feedForwardNorm, addingTo: &d)
  }

  /// Queries', keys' and values' changes back to what the attention's matrices read, which is computed again: the gradient by it is
  /// added to `workspace.normed`.
  private func changeBackward(
    _ change: AttentionChanges, _ index: Int, _ input: borrowing Activations, _ sequences: PackedSequences
  ) {
    var read = Activations(rows: input.rows, width: input.width)
    llm.norm(input, weight: llm.layers[index].attentionNorm, into: &read)
    change.key.backward(workspace.dkey, of: read, addingTo: &workspace.normed, on: team)
    change.value.backward(workspace.dvalue, of: read, addingTo: &workspace.normed, on: team)
    guard isLast(index) else {
      change.query.backward(workspace.dquery, of: read, addingTo: &workspace.normed, on: team)
      return
    }
    var dread = Activations(rows: sequences.outputRows.count, width: input.width)
    dread.clear()
    change.query.backward(
      workspace.dquery, of: read.gathered(sequences.outputRows.map(Int.init)), addingTo: &dread, on: team)
    team.scatterAdd(dread, toRows: sequences.outputRows, of: &workspace.normed)
  }

  /// From the rows that are read to all rows: the last layer's residual and queries.
  private func spread(_ d: inout Activations, _ attention: LlamaAttention, _ sequences: PackedSequences) {
    var all = Activations(rows: sequences.rowCount, width: d.width)
    all.clear()
    team.scatterAdd(d, toRows: sequences.outputRows, of: &all)
    var dnormed = Activations(rows: d.rows, width: d.width)
    team.linearBackward(workspace.dquery, through: attention.queryWeight, into: &dnormed)
    team.scatterAdd(dnormed, toRows: sequences.outputRows, of: &workspace.normed)
    d = all
  }

  private func queryPositions(_ index: Int, _ sequences: PackedSequences) -> [Int32] {
    isLast(index) ? sequences.outputPositions : sequences.positions
  }

  private func spans(_ index: Int, _ sequences: PackedSequences) -> [SequenceSpan] {
    let spans = isLast(index) ? sequences.outputSpans : sequences.spans
    return spans.filter { !$0.queries.isEmpty }
  }

  private func copy(_ source: borrowing Activations, into target: inout Activations) {
    target.reset(rows: source.rows)
    team.copyRows([(source: 0, target: 0, count: source.rows)], of: source, into: &target)
  }
}

/// Intermediate values of one layer's way forward or back, reused by every layer.
final class BackwardWorkspace {
  var normed: Activations  // [T, D], or gradients by it
  var product: Activations  // [T, F]: silu(gate) · up, or the gradient by it
  var dattended: Activations  // [T, H · E]
  var dquery: Activations  // [T, H · E]
  var dkey: Activations  // [T, G · E]
  var dvalue: Activations  // [T, G · E]
  var branch: Activations  // [T, D], of a branch that a norm stands behind
  var dbranch: Activations  // [T, D]

  init(_ configuration: LlamaConfiguration) {
    let queryWidth = configuration.heads * configuration.headWidth
    let keyWidth = configuration.keyValueHeads * configuration.headWidth
    normed = Activations(rows: 0, width: configuration.width)
    product = Activations(rows: 0, width: configuration.feedForwardWidth)
    dattended = Activations(rows: 0, width: queryWidth)
    dquery = Activations(rows: 0, width: queryWidth)
    dkey = Activations(rows: 0, width: keyWidth)
    dvalue = Activations(rows: 0, width: keyWidth)
    branch = Activations(rows: 0, width: configuration.width)
    dbranch = Activations(rows: 0, width: configuration.width)
  }

  /// For attention's way back.
  func reset(rows: Int, keyRows: Int) {
    dattended.reset(rows: rows)
    dquery.reset(rows: rows)
    dkey.reset(rows: keyRows)
    dvalue.reset(rows: keyRows)
  }

  /// Bytes of one row, with the rows that go in and out.
  static func bytesPerRow(_ c: LlamaConfiguration) -> Int {
    let attention = 2 * c.heads * c.headWidth + 2 * c.keyValueHeads * c.headWidth
    let rows = c.decoder.hasNormsAfter ? 6 : 4
    return (rows * c.width + c.feedForwardWidth + attention) * MemoryLayout<Float>.stride
  }
}
