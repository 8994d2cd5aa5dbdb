// SPDX-License-Identifier: Apache-2.0

package import Kernels

/// A frozen decoder without its vocabulary, a LLaMA or one of the families that came after it: rows of token embeddings in,
/// hidden states out.
///
/// - Source: Touvron et al. 2023; Hugging Face `LlamaModel` 4.37 to the digit; for the other families their models in
///   transformers 5.
package final class LlamaModel: Sendable {
  package let configuration: LlamaConfiguration
  package let layers: [LlamaLayer]
  package let finalNorm: WeightTensor  // [D]   norm.weight
  /// Longest sequence.
  package let maxPositions: Int
  let team: ComputeTeam

  /// Rows whose feed-forward is computed together: enough to keep the matrix product at full speed.
  private static let feedForwardRows = 1024

  /// Asks `loader` for every tensor; the model may be used once the loader has finished.
  ///
  /// - Parameter maxPositions: longest sequence; less when the model's positions do not go as far.
  init(_ configuration: LlamaConfiguration, _ loader: inout WeightLoader, maxPositions: Int, team: ComputeTeam) {
    self.configuration = configuration
    self.team = team
    let maxPositions = min(maxPositions, configuration.decoder.positionLimit ?? maxPositions)
    self.maxPositions = maxPositions
    let global = configuration.rotary(positions: maxPositions)
    let local = configuration.localRotary(positions: maxPositions)
    var layers: [LlamaLayer] = []
    for index in 0..<configuration.layers {
      let rotary: RotaryTable? =
        switch configuration.decoder.layer(index).rotation {
        case .global: global
        case .local: local
        case .none: nil
        }
      layers.append(LlamaLayer(configuration, &loader, index: index, rotary: rotary))
    }
    self.layers = layers
    finalNorm = loader.norm("norm.weight", configuration.width, configuration.decoder)
  }

  /// What a block of `positions` keys and values of this model takes.
  func blockShape(positions: Int, element: RowStorage.Element) -> KeyValueBlock.Shape {
    KeyValueBlock.Shape(
      layers: configuration.layers, positions: positions,
      width: configuration.keyValueHeads * configuration.headWidth, element: element)
  }

  /// The hidden state of each sequence's last row, after the final norm.
  ///
  /// Sequences are packed without padding: every matrix product runs over all rows, attention within each sequence. In
  /// the last layer only the last rows are queries, since nothing else is read of it. Every layer fills its part of the
  /// plan's blocks.
  ///
  /// - Parameters:
  ///   - hidden: [T, D], the embeddings of the plan's rows. Consumed.
  ///   - plan: positions below `maxPositions`. Loses the sequences that are cancelled or not finite, and the blocks whose
  ///     values are not finite.
  ///   - element: what keys and values are rounded to before attention reads them, cached or not, so that a result does
  ///     not depend on what was cached.
  ///   - isCancelled: asked for each sequence before each layer; what nobody waits for is left out of the rest.
  /// - Returns: [the plan's wanted sequences, D].
  func lastHiddenStates(
    of hidden: consuming Activations, plan: inout PrefillPlan, keysAndValuesIn element: RowStorage.Element = .float32,
    isCancelled: (Int) -> Bool
  ) -> Activations {
    precondition(plan.rowCount == hidden.rows)
    var positions = plan.positions
    var sources = KeyValueSources(plan)
    var workspace = Workspace(configuration, rows: hidden.rows, assembledRows: sources.assembledRows)
    for (index, layer) in layers.enumerated() {
      if let kept = plan.drop(where: isCancelled) {
        guard !plan.wanted.isEmpty else { break }
        hidden = hidden.gathered(kept)
        positions = plan.positions
        sources = KeyValueSources(plan)
        workspace = Workspace(configuration, rows: hidden.rows, assembledRows: sources.assembledRows)
      }
      computeKeysAndValues(layer, hidden, positions, &workspace)
      settle(&plan, in: element, key: &workspace.key, value: &workspace.value)
      fill(plan, layer: index, key: workspace.key, value: workspace.value)
      guard index < layers.count - 1 else {
        guard !plan.wanted.isEmpty else { break }
        return finish(layer, hidden, plan, sources, positions, &workspace)
      }
      let attention = layer.attention
      team.linear(workspace.normed, attention.queryWeight, bias: attention.queryBias, into: &workspace.query)
      attention.place(&workspace.query, norm: attention.queryNorm, at: positions, on: team)
      attend(
        layer: index, sources, query: workspace.query, queries: { plan.sequences[$0].rows }, key: workspace.key,
        value: workspace.value, assembled: &workspace.assembled, into: &workspace.attended)
      addAttended(workspace.attended, layer, to: &hidden)
      norm(hidden, weight: layer.feedForwardNorm, into: &workspace.normed)
      addFeedForward(of: workspace.normed, layer, to: &hidden, gate: &workspace.gate, up: &workspace.up)
    }
    return Activations(rows: 0, width: configuration.width)
  }

  /// The rest of the last layer and the final norm, for the last row of each sequence that is wanted.
  private func finish(
    _ layer: LlamaLayer, _ hidden: borrowing Activations, _ plan: PrefillPlan, _ sources: KeyValueSources,
    _ positions: [Int32], _ workspace: inout Workspace
  ) -> Activations {
    let wanted = plan.wanted
    let lastRows = wanted.map { plan.sequences[$0].rows.upperBound - 1 }
    let rowOfSequence = Dictionary(uniqueKeysWithValues: wanted.enumerated().map { ($0.element, $0.offset) })
    var last = hidden.gathered(lastRows)
    var normed = workspace.normed.gathered(lastRows)
    let attention = layer.attention
    var query = Activations(rows: last.rows, width: workspace.query.width)
    var attended = Activations(rows: last.rows, width: workspace.query.width)
    team.linear(normed, attention.queryWeight, bias: attention.queryBias, into: &query)
    attention.place(&query, norm: attention.queryNorm, at: lastRows.map { positions[$0] }, on: team)
    attend(
      layer: layers.count - 1, sources, query: query,
      queries: { sequence in rowOfSequence[sequence].map { $0..<$0 + 1 } ?? 0..<0 }, key: workspace.key,
      value: workspace.value, assembled: &workspace.assembled, into: &attended)
    addAttended(attended, layer, to: &last)
    norm(last, weight: layer.feedForwardNorm, into: &normed)
    addFeedForward(of: normed, layer, to: &last, gate: &workspace.gate, up: &workspace.up)
    team.rmsNorm(last, weight: finalNorm, epsilon: configuration.normEpsilon, into: &normed)
    return normed
  }

  func computeKeysAndValues(
    _ layer: LlamaLayer, _ hidden: borrowing Activations, _ positions: [Int32], _ workspace: inout Workspace
  ) {
    let attention = layer.attention
    norm(hidden, weight: layer.attentionNorm, into: &workspace.normed)
    team.linear(workspace.normed, attention.keyWeight, bias: attention.keyBias, into: &workspace.key)
    team.linear(workspace.normed, attention.valueWeight, bias: attention.valueBias, into: &workspace.value)
    attention.place(&workspace.key, norm: attention.keyNorm, at: positions, on: team)
  }
}

extension LlamaModel {
  /// What a branch reads of `hidden`: all of it where nothing is normed before.
  package func norm(_ hidden: borrowing Activations, weight: WeightTensor?, into normed: inout Activations) {
    if let weight {
      team.rmsNorm(hidden, weight: weight, epsilon: configuration.normEpsilon, into: &normed)
    } else {
      team.copyRows([(source: 0, target: 0, count: hidden.rows)], of: hidden, into: &normed)
    }
  }

  /// Adds attention's branch, from what it has mixed, to the residual.
  package func addAttended(_ attended: borrowing Activations, _ layer: LlamaLayer, to hidden: inout Activations) {
    let attention = layer.attention
    guard let weight = layer.attendedNorm else {
      team.linear(attended, attention.outputWeight, bias: attention.outputBias, addingTo: &hidden)
      return
    }
    var branch = Activations(rows: hidden.rows, width: hidden.width)
    team.linear(attended, attention.outputWeight, bias: attention.outputBias, into: &branch)
    team.rmsNorm(&branch, weight: weight, epsilon: configuration.normEpsilon)
    team.add(branch, to: &hidden)
  }

  func addFeedForward(
    of normed: borrowing Activations, _ layer: LlamaLayer, to hidden: inout Activations, gate: inout Activations,
    up: inout Activations
  ) {
    guard let weight = layer.outputNorm else {
      layer.feedForward.add(of: normed, to: &hidden, gate: &gate, up: &up, on: team)
      return
    }
    var branch = Activations(rows: hidden.rows, width: hidden.width)
    branch.clear()
    layer.feedForward.add(of: normed, to: &branch, gate: &gate, up: &up, on: team)
    team.rmsNorm(&branch, weight: weight, epsilon: configuration.normEpsilon)
    team.add(branch, to: &hidden)
  }
}

extension LlamaConfiguration {
  fileprivate func rotary(positions: Int) -> RotaryTable {
    RotaryTable(
      positions: positions, headWidth: headWidth,
      frequencies: decoder.ropeScheme.frequencies(base: ropeBase, width: rotatedWidth), scaling: ropeScaling,
      magnitude: decoder.ropeScheme.magnitude, precision: ropePrecision)
  }

  /// Of the layers that have a RoPE of their own.
  fileprivate func localRotary(positions: Int) -> RotaryTable? {
    decoder.localRope.map { rope in
      RotaryTable(
        positions: positions, headWidth: headWidth,
        frequencies: rope.scheme.frequencies(base: rope.base, width: rotatedWidth), scaling: rope.scaling,
        magnitude: rope.scheme.magnitude, precision: ropePrecision)
    }
  }
}

extension LlamaModel {
  /// Intermediate values of one call, reused by every layer.
  struct Workspace: ~Copyable {
    var normed: Activations  // [T, D]
    var query: Activations  // [T, H · E]
    var key: Activations  // [T, G · E]
    var value: Activations  // [T, G · E]
    var attended: Activations  // [T, H · E]
    var gate: Activations  // [feed-forward rows, F]
    var up: Activations  // [feed-forward rows, F]
    var assembled: KeysAndValues  // [assembled rows, G · E]

    init(_ configuration: LlamaConfiguration, rows: Int, assembledRows: Int) {
      let queryWidth = configuration.heads * configuration.headWidth
      let keyWidth = configuration.keyValueHeads * configuration.headWidth
      let block = min(rows, LlamaModel.feedForwardRows)
      normed = Activations(rows: rows, width: configuration.width)
      query = Activations(rows: rows, width: queryWidth)
      key = Activations(rows: rows, width: keyWidth)
      value = Activations(rows: rows, width: keyWidth)
      attended = Activations(rows: rows, width: queryWidth)
      gate = Activations(rows: block, width: configuration.feedForwardWidth)
      up = Activations(rows: block, width: configuration.feedForwardWidth)
      assembled = KeysAndValues(rows: assembledRows, width: keyWidth)
    }
  }
}

extension LlamaModel {
  /// What goes before the tensors' names: a model saved with its head says `model.`.
  static func prefix(in files: WeightFiles) -> String { files.tensors["norm.weight"] == nil ? "model." : "" }
}
