// SPDX-License-Identifier: Apache-2.0

import Kernels

/// The feed-forward of a block or of the pooling head: `fc2(gelu(fc1(x)))`.
struct SiglipFeedForward: Sendable {
  let first: LinearWeights  // D -> F   fc1
  let second: LinearWeights  // F -> D   fc2
  let activation: SiglipConfiguration.Activation

  init(_ configuration: SiglipConfiguration, _ loader: inout WeightLoader, _ name: String) {
    first = loader.linear(
      "\(name).fc1", inputs: configuration.width, outputs: configuration.feedForwardWidth)
    second = loader.linear(
      "\(name).fc2", inputs: configuration.feedForwardWidth, outputs: configuration.width)
    activation = configuration.activation
  }

  /// Adds the feed-forward of `normed` [rows, D] to `hidden` [rows, D], in blocks of `inner`'s rows.
  func add(
    of normed: borrowing Activations, to hidden: inout Activations, inner: inout Activations, on team: ComputeTeam
  ) {
    for start in stride(from: 0, to: normed.rows, by: inner.rows) {
      let rows = start..<min(start + inner.rows, normed.rows)
      team.linear(normed, rows: rows, first.weight, bias: first.bias, into: &inner)
      switch activation {
      case .tanhGELU: team.geluTanh(&inner)
      case .exactGELU: team.gelu(&inner)
      }
      team.linear(inner, rows: 0..<rows.count, second.weight, bias: second.bias, addingTo: &hidden, atRow: start)
    }
  }
}

/// One block of the tower: attention and feed-forward, each behind a layer norm and added to what came in.
struct SiglipLayer: Sendable {
  let attentionNorm: LayerNormWeights  // layer_norm1
  let queryKeyValue: LinearWeights  // D -> 3 · D   self_attn.q_proj, k_proj, v_proj
  let output: LinearWeights  // D -> D   self_attn.out_proj
  let feedForwardNorm: LayerNormWeights  // layer_norm2
  let feedForward: SiglipFeedForward  // mlp

  init(_ configuration: SiglipConfiguration, _ loader: inout WeightLoader, index: Int) {
    let name = "encoder.layers.\(index)"
    let d = configuration.width
    attentionNorm = loader.layerNorm("\(name).layer_norm1", width: d)
    let projections = ["q", "k", "v"].map { "\(name).self_attn.\($0)_proj" }
    queryKeyValue = LinearWeights(
      weight: loader.matrix(concatenating: projections.map { "\($0).weight" }, outputs: [d, d, d], inputs: d),
      bias: loader.vector(concatenating: projections.map { "\($0).bias" }, counts: [d, d, d]))
    output = loader.linear("\(name).self_attn.out_proj", inputs: d, outputs: d)
    feedForwardNorm = loader.layerNorm("\(name).layer_norm2", width: d)
    feedForward = SiglipFeedForward(configuration, &loader, "\(name).mlp")
  }
}
