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
    team.rmsNorm(input, weight: layer.attentionNorm, epsilon: configuration.normEpsilon, into: &workspace.normed)
    team.linear(workspace.normed, attention.keyWeight, bias: attention.keyBias, into: &kept.key)
    team.linear(workspace.normed, attention.valueWeight, bias: attention.valueBias, into: &kept.value)
    team.rotate(&kept.key, positions: sequences.positions, table: llm.rotary)
    if isLast(index) {
      let outputs = sequences.outputRows.map(Int.init)
      team.linear(
        workspace.normed.gathered(outputs), attention.queryWeight, bias: attention.queryBias, into: &kept.query)
      team.rotate(&kept.query, positions: sequences.outputPositions, table: llm.rotary)
      copy(input.gathered(outputs), into: &kept.middle)
    } else {
      team.linear(workspace.normed, attention.queryWeight, bias: attention.queryBias, into: &kept.query)
      team.rotate(&kept.query, positions: sequences.positions, table: llm.rotary)
      copy(input, into: &kept.middle)
    }
    team.attention(
      query: kept.query, key: kept.key, value: kept.value, sequences: spans(index, sequences),
      heads: configuration.heads, keyValueHeads: configuration.keyValueHeads, into: &kept.attended,
      logSums: &kept.logSums)
    team.linear(kept.attended, attention.outputWeight, bias: attention.outputBias, addingTo: &kept.middle)
    workspace.normed.reset(rows: rows)
    team.rmsNorm(
      kept.middle, weight: layer.feedForwardNorm, epsilon: configuration.normEpsilon, into: &workspace.normed)
    team.linear(workspace.normed, layer.feedForward.gateWeight, bias: layer.feedForward.gateBias, into: &kept.gate)
    team.linear(workspace.normed, layer.feedForward.upWeight, bias: layer.feedForward.upBias, into: &kept.up)
  }

  /// The rest of the layer.
  ///
  /// - Parameter output: [T, D], or [R, D] in the last layer.
  func finish(_ index: Int, _ kept: LayerActivations, into output: inout Activations) {
    let feedForward = llm.layers[index].feedForward
    output.reset(rows: kept.middle.rows)
    copy(kept.middle, into: &output)
    copy(kept.gate, into: &workspace.product)
    team.siluMultiply(&workspace.product, by: kept.up)
    team.linear(workspace.product, feedForward.downWeight, bias: feedForward.downBias, addingTo: &output)
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
    team.linearBackward(d, through: attention.outputWeight, into: &workspace.dattended)
    team.attentionBackward(
      workspace.dattended, out: kept.attended, logSums: kept.logSums, query: kept.query, key: kept.key,
      value: kept.value, sequences: spans(index, sequences), heads: configuration.heads,
      keyValueHeads: configuration.keyValueHeads, dquery: &workspace.dquery, dkey: &workspace.dkey,
      dvalue: &workspace.dvalue)
    let queryPositions = isLast(index) ? sequences.outputPositions : sequences.positions
    team.rotateBackward(&workspace.dquery, positions: queryPositions, table: llm.rotary)
    team.rotateBackward(&workspace.dkey, positions: sequences.positions, table: llm.rotary)
    workspace.normed.reset(rows: input.rows)
    team.linearBackward(workspace.dkey, through: attention.keyWeight, into: &workspace.normed)
    team.linearBackward(workspace.dvalue, through: attention.valueWeight, adding: true, into: &workspace.normed)
    if isLast(index) {
      spread(&d, attention, sequences)
    } else {
      team.linearBackward(workspace.dquery, through: attention.queryWeight, adding: true, into: &workspace.normed)
    }
    team.rmsNormBackward(
      workspace.normed, of: input, weight: layer.attentionNorm, epsilon: configuration.normEpsilon, addingTo: &d)
  }

  private func feedForwardBackward(_ layer: LlamaLayer, _ kept: LayerActivations, _ d: inout Activations) {
    let feedForward = layer.feedForward
    workspace.product.reset(rows: d.rows)
    team.linearBackward(d, through: feedForward.downWeight, into: &workspace.product)
    team.siluMultiplyBackward(&kept.gate, by: &kept.up, workspace.product)
    workspace.normed.reset(rows: d.rows)
    team.linearBackward(kept.gate, through: feedForward.gateWeight, into: &workspace.normed)
    team.linearBackward(kept.up, through: feedForward.upWeight, adding: true, into: &workspace.normed)
    team.rmsNormBackward(
      workspace.normed, of: kept.middle, weight: layer.feedForwardNorm, epsilon: configuration.normEpsilon,
      addingTo: &d)
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

  init(_ configuration: LlamaConfiguration) {
    let queryWidth = configuration.heads * configuration.headWidth
    let keyWidth = configuration.keyValueHeads * configuration.headWidth
    normed = Activations(rows: 0, width: configuration.width)
    product = Activations(rows: 0, width: configuration.feedForwardWidth)
    dattended = Activations(rows: 0, width: queryWidth)
    dquery = Activations(rows: 0, width: queryWidth)
    dkey = Activations(rows: 0, width: keyWidth)
    dvalue = Activations(rows: 0, width: keyWidth)
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
    return (4 * c.width + c.feedForwardWidth + attention) * MemoryLayout<Float>.stride
  }
}
