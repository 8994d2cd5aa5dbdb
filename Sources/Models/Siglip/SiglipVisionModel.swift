// SPDX-License-Identifier: Apache-2.0

import Kernels
import Synchronization

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
  /// Of the last call; held while one computes.
  private let workspace: Mutex<SiglipWorkspace>

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
    workspace = Mutex(SiglipWorkspace(configuration, images: 0, feedForwardRows: Self.feedForwardRows))
  }

  /// The pooled embeddings of `images`, not normalised. Calls from several threads wait for each other.
  ///
  /// - Parameter images: B images, each [C, size, size].
  /// - Returns: [B, D].
  func embed(_ images: [[Float]]) -> Activations {
    workspace.withLock { workspace in
      if workspace.images != images.count {
        workspace = SiglipWorkspace(configuration, images: images.count, feedForwardRows: Self.feedForwardRows)
      }
      return embed(images, &workspace)
    }
  }

  private func embed(_ images: [[Float]], _ workspace: inout SiglipWorkspace) -> Activations {
    embedPatches(images, &workspace)
    let sequences = SequenceSpan.packed(lengths: images.map { _ in configuration.patches })
    for layer in layers {
      normalise(workspace.hidden, layer.attentionNorm, into: &workspace.normed)
      let projection = layer.queryKeyValue
      team.linear(workspace.normed, projection.weight, bias: projection.bias, into: &workspace.queryKeyValue)
      team.attention(
        queryKeyValue: workspace.queryKeyValue, sequences: sequences, heads: configuration.heads,
        keyValueHeads: configuration.heads, causal: false, into: &workspace.normed)
      team.linear(workspace.normed, layer.output.weight, bias: layer.output.bias, addingTo: &workspace.hidden)
      normalise(workspace.hidden, layer.feedForwardNorm, into: &workspace.normed)
      layer.feedForward.add(of: workspace.normed, to: &workspace.hidden, inner: &workspace.inner, on: team)
    }
    normalise(workspace.hidden, finalNorm, into: &workspace.normed)
    return pooling.pool(workspace.normed, images: images.count, on: team)
  }

  private func normalise(_ x: borrowing Activations, _ norm: LayerNormWeights, into out: inout Activations) {
    team.layerNorm(x, weight: norm.weight, bias: norm.bias, epsilon: configuration.normEpsilon, into: &out)
  }

  /// The patch convolution as a matrix product, and the position embeddings.
  private func embedPatches(_ images: [[Float]], _ workspace: inout SiglipWorkspace) {
    let size = configuration.imageSize
    for (index, image) in images.enumerated() {
      workspace.pixels.setPatches(
        of: image, channels: configuration.channels, height: size, width: size, patch: configuration.patchSize,
        atRow: index * configuration.patches)
    }
    team.linear(workspace.pixels, patchWeight, bias: patchBias, into: &workspace.hidden)
    team.addRows(&workspace.hidden, positions)
  }
}
