// SPDX-License-Identifier: Apache-2.0

import Kernels
import Synchronization

/// A vision tower: prepared images in, one embedding per image out.
///
/// - Source: SigLIP (Zhai et al. 2023), CLIP (Radford et al. 2021), DINOv2 (Oquab et al. 2023; registers: Darcet et al. 2023),
///   ViT (Dosovitskiy et al. 2020); Hugging Face transformers to the digit.
final class VisionTowerModel: Sendable {
  private enum Pooling: Sendable {
    /// Behind a norm of every token.
    case attention(norm: LayerNormWeights, AttentionPooling)
    case classToken(ClassTokenPooling)
  }

  let configuration: VisionTowerConfiguration
  private let input: VisionTowerInput
  private let layers: [VisionTowerLayer]
  private let pooling: Pooling
  private let team: ComputeTeam
  /// Of the last call; held while one computes.
  private let workspace: Mutex<VisionTowerWorkspace>

  /// Rows whose feed-forward is computed together.
  private static let feedForwardRows = 1024

  /// Asks `loader` for every tensor; the model may be used once the loader has finished.
  init(
    _ configuration: VisionTowerConfiguration, _ loader: inout WeightLoader, _ names: VisionTowerNames,
    team: ComputeTeam
  ) {
    self.configuration = configuration
    self.team = team
    input = VisionTowerInput(configuration, &loader, names)
    var layers: [VisionTowerLayer] = []
    for index in 0..<configuration.layers {
      layers.append(VisionTowerLayer(configuration, &loader, names.layer(index)))
    }
    self.layers = layers
    if configuration.family.hasClassToken {
      pooling = .classToken(ClassTokenPooling(configuration, &loader, names))
    } else {
      let norm = loader.layerNorm(names.finalNorm, width: configuration.width)
      pooling = .attention(norm: norm, AttentionPooling(configuration, &loader, names.head))
    }
    workspace = Mutex(VisionTowerWorkspace(configuration, images: 0, feedForwardRows: Self.feedForwardRows))
  }

  /// Length of an embedding.
  var embeddingDim: Int {
    if case .classToken(let pooling) = pooling, let width = pooling.projectedWidth { return width }
    return configuration.width
  }

  /// The embeddings of `images`, not normalised. Calls from several threads wait for each other.
  ///
  /// - Parameter images: B images, each [C, size, size].
  /// - Returns: [B, embeddingDim].
  func embed(_ images: [[Float]]) -> Activations {
    workspace.withLock { workspace in
      if workspace.images != images.count {
        workspace = VisionTowerWorkspace(configuration, images: images.count, feedForwardRows: Self.feedForwardRows)
      }
      return embed(images, &workspace)
    }
  }

  private func embed(_ images: [[Float]], _ workspace: inout VisionTowerWorkspace) -> Activations {
    input.embed(images, &workspace, on: team)
    let sequences = SequenceSpan.packed(lengths: images.map { _ in configuration.tokens })
    for layer in layers {
      normalise(workspace.hidden, layer.attentionNorm, into: &workspace.normed)
      let projection = layer.queryKeyValue
      team.linear(workspace.normed, projection.weight, bias: projection.bias, into: &workspace.queryKeyValue)
      team.attention(
        queryKeyValue: workspace.queryKeyValue, sequences: sequences, heads: configuration.heads,
        keyValueHeads: configuration.heads, causal: false, into: &workspace.normed)
      if let scale = layer.attentionScale {
        team.linear(workspace.normed, layer.output.weight, bias: layer.output.bias, into: &workspace.branch)
        team.add(workspace.branch, scaledBy: scale, to: &workspace.hidden)
      } else {
        team.linear(workspace.normed, layer.output.weight, bias: layer.output.bias, addingTo: &workspace.hidden)
      }
      normalise(workspace.hidden, layer.feedForwardNorm, into: &workspace.normed)
      if let scale = layer.feedForwardScale {
        workspace.branch.clear()
        layer.feedForward.add(of: workspace.normed, to: &workspace.branch, inner: &workspace.inner, on: team)
        team.add(workspace.branch, scaledBy: scale, to: &workspace.hidden)
      } else {
        layer.feedForward.add(of: workspace.normed, to: &workspace.hidden, inner: &workspace.inner, on: team)
      }
    }
    return pool(images.count, &workspace)
  }

  private func pool(_ images: Int, _ workspace: inout VisionTowerWorkspace) -> Activations {
    switch pooling {
    case .attention(let norm, let head):
      normalise(workspace.hidden, norm, into: &workspace.normed)
      return head.pool(workspace.normed, images: images, on: team)
    case .classToken(let pooling):
      return pooling.pool(workspace.hidden.gathered((0..<images).map { $0 * configuration.tokens }), on: team)
    }
  }

  private func normalise(_ x: borrowing Activations, _ norm: LayerNormWeights, into out: inout Activations) {
    team.layerNorm(x, weight: norm.weight, bias: norm.bias, epsilon: configuration.normEpsilon, into: &out)
  }
}
