import Kernels

/// The SigLIP vision tower: prepared images in, one pooled embedding per image out.
///
/// - Source: Zhai et al. 2023; Hugging Face `SiglipVisionModel` 4.37 to the digit.
final class SiglipVisionModel: Sendable {
  let configuration: SiglipConfiguration
  private let patchWeight: LinearWeight  // [D, C · patch · patch]   embeddings.patch_embedding.weight
  private let patchBias: WeightTensor  // [D]   embeddings.patch_embedding.bias
  private let positions: WeightTensor  // [P, D]   embeddings.position_embedding.weight
  private let layers: [SiglipLayer]
  private let finalNorm: LayerNormWeights  // post_layernorm
  private let pooling: SiglipPooling
  private let team: ComputeTeam

  /// Rows whose feed-forward is computed together.
  private static let feedForwardRows = 1024

  /// Asks `loader` for every tensor; the model may be used once the loader has finished.
  init(_ configuration: SiglipConfiguration, _ loader: inout WeightLoader, team: ComputeTeam) {
    self.configuration = configuration
    self.team = team
    let (d, patch) = (configuration.width, configuration.patchSize)
    patchWeight = loader.matrix("embeddings.patch_embedding.weight", [d, configuration.channels, patch, patch])
    patchBias = loader.tensor("embeddings.patch_embedding.bias", [d])
    positions = loader.tensor("embeddings.position_embedding.weight", [configuration.patches, d])
    var layers: [SiglipLayer] = []
    for index in 0..<configuration.layers { layers.append(SiglipLayer(configuration, &loader, index: index)) }
    self.layers = layers
    finalNorm = loader.layerNorm("post_layernorm", width: d)
    pooling = SiglipPooling(configuration, &loader)
  }

  /// The pooled embeddings of `images`, not normalised.
  ///
  /// - Parameter images: B images, each [C, size, size].
  /// - Returns: [B, D].
  func embed(_ images: [[Float]]) -> Activations {
    let rows = images.count * configuration.patches
    var hidden = embedPatches(images)
    let d = configuration.width
    var normed = Activations(rows: rows, width: d)
    var query = Activations(rows: rows, width: d)
    var key = Activations(rows: rows, width: d)
    var value = Activations(rows: rows, width: d)
    var inner = Activations(rows: min(rows, Self.feedForwardRows), width: configuration.feedForwardWidth)
    let sequences = SequenceSpan.packed(lengths: images.map { _ in configuration.patches })
    for layer in layers {
      normalise(hidden, layer.attentionNorm, into: &normed)
      team.linear(normed, layer.query.weight, bias: layer.query.bias, into: &query)
      team.linear(normed, layer.key.weight, bias: layer.key.bias, into: &key)
      team.linear(normed, layer.value.weight, bias: layer.value.bias, into: &value)
      team.attention(
        query: query, key: key, value: value, sequences: sequences, heads: configuration.heads,
        keyValueHeads: configuration.heads, causal: false, into: &normed)
      team.linear(normed, layer.output.weight, bias: layer.output.bias, addingTo: &hidden)
      normalise(hidden, layer.feedForwardNorm, into: &normed)
      layer.feedForward.add(of: normed, to: &hidden, inner: &inner, on: team)
    }
    normalise(hidden, finalNorm, into: &normed)
    return pooling.pool(normed, images: images.count, on: team)
  }

  private func normalise(_ x: borrowing Activations, _ norm: LayerNormWeights, into out: inout Activations) {
    team.layerNorm(x, weight: norm.weight, bias: norm.bias, epsilon: configuration.normEpsilon, into: &out)
  }

  /// The patch convolution as a matrix product, and the position embeddings.
  private func embedPatches(_ images: [[Float]]) -> Activations {
    let (c, patch, size) = (configuration.channels, configuration.patchSize, configuration.imageSize)
    let inputs = c * patch * patch
    var cut = Activations(rows: images.count * configuration.patches, width: inputs)
    for (index, image) in images.enumerated() {
      cut.setPatches(
        of: image, channels: c, height: size, width: size, patch: patch, atRow: index * configuration.patches)
    }
    var hidden = Activations(rows: cut.rows, width: configuration.width)
    team.linear(cut, patchWeight, bias: patchBias, into: &hidden)
    team.addRows(&hidden, positions)
    return hidden
  }
}
