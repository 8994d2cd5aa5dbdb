// SPDX-License-Identifier: Apache-2.0

import Kernels
import Synchronization

/// A BERT or MPNet encoder: token ids in, one vector a token out.
///
/// - Source: Devlin et al. 2019; Song et al. 2020; Hugging Face `BertModel` and `MPNetModel` without dropout and pooler.
final class TextEncoderModel: Sendable {
  let configuration: TextEncoderConfiguration
  private let words: EmbeddingTable  // [V, D]   embeddings.word_embeddings.weight
  private let positions: WeightTensor  // [positions, D]   embeddings.position_embeddings.weight
  /// Every text is of the first segment. BERT alone.
  private let segment: WeightTensor?  // [D], the first row of embeddings.token_type_embeddings.weight
  private let norm: LayerNormWeights  // embeddings.LayerNorm
  private let layers: [TextEncoderLayer]
  /// MPNet alone.
  private let distanceBuckets: WeightTensor?  // [32, H]   encoder.relative_attention_bias.weight
  private let distanceBias: Mutex<WeightTensor?>  // [H, 2 · longest text - 1], made when first asked for
  private let team: ComputeTeam
  /// Of the last batch; held while one computes.
  private let workspace: Mutex<TextEncoderWorkspace>

  /// Rows whose feed-forward is computed together.
  private static let feedForwardRows = 1024

  /// Asks `loader` for every tensor; the model may be used once the loader has finished.
  init(_ configuration: TextEncoderConfiguration, _ loader: inout WeightLoader, team: ComputeTeam) {
    self.configuration = configuration
    self.team = team
    let d = configuration.width
    words = loader.table("embeddings.word_embeddings.weight", atLeast: configuration.vocabulary, columns: d)
    positions = loader.tensor("embeddings.position_embeddings.weight", [configuration.positions, d])
    segment =
      configuration.family == .bert
      ? loader.tensor("embeddings.token_type_embeddings.weight", [configuration.segments, d]) : nil
    norm = loader.textNorm("embeddings.LayerNorm", width: d)
    var layers: [TextEncoderLayer] = []
    for index in 0..<configuration.layers { layers.append(TextEncoderLayer(configuration, &loader, index: index)) }
    self.layers = layers
    distanceBuckets =
      configuration.family == .mpnet
      ? loader.tensor(
        "encoder.relative_attention_bias.weight", [TextEncoderConfiguration.mpnetBuckets, configuration.heads]) : nil
    distanceBias = Mutex(nil)
    workspace = Mutex(TextEncoderWorkspace(configuration))
  }

  /// The vectors of every token of `texts`. Calls from several threads wait for each other.
  ///
  /// - Parameters:
  ///   - texts: ids below V, of each text at least one and at most `configuration.maxTokens`.
  ///   - body: called with [T, D] and the rows of each text.
  func withHiddenStates<Result>(
    of texts: [[Int32]], _ body: (borrowing Activations, [SequenceSpan]) -> Result
  ) -> Result {
    let sequences = SequenceSpan.packed(lengths: texts.map(\.count))
    return workspace.withLock { workspace in
      workspace.reset(tokens: sequences.last?.queries.upperBound ?? 0, feedForwardRows: Self.feedForwardRows)
      embed(texts, &workspace)
      for layer in layers {
        attend(layer, sequences, &workspace)
        feedForward(layer, &workspace)
      }
      return body(workspace.hidden, sequences)
    }
  }

  private func embed(_ texts: [[Int32]], _ workspace: inout TextEncoderWorkspace) {
    var places: [Int] = []
    var row = 0
    for text in texts {
      var position = firstPosition
      for id in text {
        workspace.hidden.setRow(row, toRow: Int(id), of: words)
        let isPadding = configuration.family == .mpnet && id == TextEncoderConfiguration.mpnetPadding
        places.append(isPadding ? Int(TextEncoderConfiguration.mpnetPadding) : position)
        if !isPadding { position += 1 }
        row += 1
      }
    }
    team.addRows(&workspace.hidden, positions, rows: places)
    if let segment { team.addRows(&workspace.hidden, segment.rows(0..<1)) }
    normalise(&workspace.hidden, norm)
  }

  private var firstPosition: Int {
    configuration.family == .mpnet ? Int(TextEncoderConfiguration.mpnetPadding) + 1 : 0
  }

  private func attend(
    _ layer: TextEncoderLayer, _ sequences: [SequenceSpan], _ workspace: inout TextEncoderWorkspace
  ) {
    let projection = layer.queryKeyValue
    team.linear(workspace.hidden, projection.weight, bias: projection.bias, into: &workspace.queryKeyValue)
    if let bias = biasByDistance() {
      team.attention(
        queryKeyValue: workspace.queryKeyValue, sequences: sequences, heads: configuration.heads, bias: bias,
        into: &workspace.attended)
    } else {
      team.attention(
        queryKeyValue: workspace.queryKeyValue, sequences: sequences, heads: configuration.heads,
        keyValueHeads: configuration.heads, causal: false, into: &workspace.attended)
    }
    team.linear(workspace.attended, layer.output.weight, bias: layer.output.bias, addingTo: &workspace.hidden)
    normalise(&workspace.hidden, layer.attentionNorm)
  }

  private func feedForward(_ layer: TextEncoderLayer, _ workspace: inout TextEncoderWorkspace) {
    for start in stride(from: 0, to: workspace.hidden.rows, by: max(workspace.inner.rows, 1)) {
      let rows = start..<min(start + workspace.inner.rows, workspace.hidden.rows)
      team.linear(workspace.hidden, rows: rows, layer.first.weight, bias: layer.first.bias, into: &workspace.inner)
      team.gelu(&workspace.inner)
      team.linear(
        workspace.inner, rows: 0..<rows.count, layer.second.weight, bias: layer.second.bias,
        addingTo: &workspace.hidden, atRow: start)
    }
    normalise(&workspace.hidden, layer.outputNorm)
  }

  private func normalise(_ x: inout Activations, _ norm: LayerNormWeights) {
    team.layerNorm(&x, weight: norm.weight, bias: norm.bias, epsilon: configuration.normEpsilon)
  }

  private func biasByDistance() -> WeightTensor? {
    guard let distanceBuckets else { return nil }
    return distanceBias.withLock { made in
      if let made { return made }
      let bias = RelativePositionBias.byDistance(
        distanceBuckets, heads: configuration.heads, tokens: configuration.maxTokens)
      made = bias
      return bias
    }
  }
}
