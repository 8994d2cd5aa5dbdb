import Kernels

/// A frozen LLaMA without its vocabulary: rows of token embeddings in, hidden states out.
///
/// - Source: Touvron et al. 2023; Hugging Face `LlamaModel` 4.37 to the digit.
final class LlamaModel: Sendable {
  let configuration: LlamaConfiguration
  private let layers: [LlamaLayer]
  private let finalNorm: WeightTensor  // [D]   norm.weight
  private let rotary: RotaryTable
  private let team: ComputeTeam

  /// Rows whose feed-forward is computed together: enough to keep the matrix product at full speed.
  private static let feedForwardRows = 1024

  /// Asks `loader` for every tensor; the model may be used once the loader has finished.
  ///
  /// - Parameter maxPositions: longest sequence.
  init(_ configuration: LlamaConfiguration, _ loader: inout WeightLoader, maxPositions: Int, team: ComputeTeam) {
    self.configuration = configuration
    self.team = team
    var layers: [LlamaLayer] = []
    for index in 0..<configuration.layers {
      layers.append(LlamaLayer(configuration, &loader, index: index))
    }
    self.layers = layers
    finalNorm = loader.tensor("norm.weight", [configuration.width])
    rotary = RotaryTable(
      positions: maxPositions, headWidth: configuration.headWidth, base: configuration.ropeBase,
      scaling: configuration.ropeScaling, precision: configuration.ropePrecision)
  }

  /// The hidden state of each sequence's last row, after the final norm.
  ///
  /// Sequences are packed without padding: every matrix product runs over all rows, attention within each sequence. In
  /// the last layer only the last rows are queries, since nothing else is read of it.
  ///
  /// - Parameters:
  ///   - hidden: [T, D], the sequences' embedding rows one after the other. Consumed.
  ///   - lengths: rows of each sequence, none zero, `maxPositions` at most.
  ///   - isCancelled: asked before each layer.
  /// - Returns: [sequences, D].
  func lastHiddenStates(
    of hidden: consuming Activations, lengths: [Int], isCancelled: () -> Bool
  ) throws(ModelError) -> Activations {
    precondition(lengths.reduce(0, +) == hidden.rows && lengths.allSatisfy { (1...rotary.positions).contains($0) })
    let sequences = SequenceSpan.packed(lengths: lengths)
    let positions = lengths.flatMap { 0..<Int32($0) }
    var workspace = Workspace(configuration, rows: hidden.rows, feedForwardRows: Self.feedForwardRows)
    for layer in layers.dropLast() {
      guard !isCancelled() else { throw Self.cancelled }
      computeKeysAndValues(layer, hidden, positions, &workspace)
      team.linear(
        workspace.normed, layer.attention.queryWeight, bias: layer.attention.queryBias, into: &workspace.query)
      team.rotate(&workspace.query, positions: positions, table: rotary)
      attend(sequences, query: workspace.query, key: workspace.key, value: workspace.value, into: &workspace.attended)
      team.linear(
        workspace.attended, layer.attention.outputWeight, bias: layer.attention.outputBias, addingTo: &hidden)
      team.rmsNorm(
        hidden, weight: layer.feedForwardNorm, epsilon: configuration.normEpsilon, into: &workspace.normed)
      layer.feedForward.add(
        of: workspace.normed, to: &hidden, gate: &workspace.gate, up: &workspace.up, on: team)
    }
    guard !isCancelled() else { throw Self.cancelled }
    return finish(layers[layers.count - 1], hidden, sequences, positions, &workspace)
  }

  /// The last layer and the final norm, for the last row of each sequence.
  private func finish(
    _ layer: LlamaLayer, _ hidden: borrowing Activations, _ sequences: [SequenceSpan], _ positions: [Int32],
    _ workspace: inout Workspace
  ) -> Activations {
    let lastRows = sequences.map { $0.keys.upperBound - 1 }
    computeKeysAndValues(layer, hidden, positions, &workspace)
    var last = hidden.gathered(lastRows)
    var normed = workspace.normed.gathered(lastRows)
    let attention = layer.attention
    var query = Activations(rows: last.rows, width: workspace.query.width)
    var attended = Activations(rows: last.rows, width: workspace.query.width)
    team.linear(normed, attention.queryWeight, bias: attention.queryBias, into: &query)
    team.rotate(&query, positions: lastRows.map { positions[$0] }, table: rotary)
    let spans = sequences.enumerated().map { SequenceSpan(queries: $0.offset..<$0.offset + 1, keys: $0.element.keys) }
    attend(spans, query: query, key: workspace.key, value: workspace.value, into: &attended)
    team.linear(attended, attention.outputWeight, bias: attention.outputBias, addingTo: &last)
    team.rmsNorm(last, weight: layer.feedForwardNorm, epsilon: configuration.normEpsilon, into: &normed)
    layer.feedForward.add(of: normed, to: &last, gate: &workspace.gate, up: &workspace.up, on: team)
    team.rmsNorm(last, weight: finalNorm, epsilon: configuration.normEpsilon, into: &normed)
    return normed
  }

  private func computeKeysAndValues(
    _ layer: LlamaLayer, _ hidden: borrowing Activations, _ positions: [Int32], _ workspace: inout Workspace
  ) {
    let attention = layer.attention
    team.rmsNorm(hidden, weight: layer.attentionNorm, epsilon: configuration.normEpsilon, into: &workspace.normed)
    team.linear(workspace.normed, attention.keyWeight, bias: attention.keyBias, into: &workspace.key)
    team.linear(workspace.normed, attention.valueWeight, bias: attention.valueBias, into: &workspace.value)
    team.rotate(&workspace.key, positions: positions, table: rotary)
  }

  private func attend(
    _ sequences: [SequenceSpan], query: borrowing Activations, key: borrowing Activations,
    value: borrowing Activations, into out: inout Activations
  ) {
    team.attention(
      query: query, key: key, value: value, sequences: sequences, heads: configuration.heads,
      keyValueHeads: configuration.keyValueHeads, causal: true, into: &out)
  }

  private static var cancelled: ModelError {
    ModelError(.cancelled, "cancelled before the computation was done")
  }
}

extension LlamaModel {
  /// Intermediate values of one call, reused by every layer.
  private struct Workspace: ~Copyable {
    var normed: Activations  // [T, D]
    var query: Activations  // [T, H · E]
    var key: Activations  // [T, G · E]
    var value: Activations  // [T, G · E]
    var attended: Activations  // [T, H · E]
    var gate: Activations  // [feed-forward rows, F]
    var up: Activations  // [feed-forward rows, F]

    init(_ configuration: LlamaConfiguration, rows: Int, feedForwardRows: Int) {
      let queryWidth = configuration.heads * configuration.headWidth
      let keyWidth = configuration.keyValueHeads * configuration.headWidth
      let block = min(rows, feedForwardRows)
      normed = Activations(rows: rows, width: configuration.width)
      query = Activations(rows: rows, width: queryWidth)
      key = Activations(rows: rows, width: keyWidth)
      value = Activations(rows: rows, width: keyWidth)
      attended = Activations(rows: rows, width: queryWidth)
      gate = Activations(rows: block, width: configuration.feedForwardWidth)
      up = Activations(rows: block, width: configuration.feedForwardWidth)
    }
  }
}
