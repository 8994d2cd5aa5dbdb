// SPDX-License-Identifier: Apache-2.0

import Kernels

/// The feed-forward of a block or of the pooling head: `second(activation(first(x)))`.
struct VisionTowerFeedForward: Sendable {
  let first: LinearWeights  // D -> F
  let second: LinearWeights  // F -> D
  let activation: VisionTowerConfiguration.Activation

  init(_ configuration: VisionTowerConfiguration, _ loader: inout WeightLoader, _ first: String, _ second: String) {
    self.first = loader.linear(first, inputs: configuration.width, outputs: configuration.feedForwardWidth)
    self.second = loader.linear(second, inputs: configuration.feedForwardWidth, outputs: configuration.width)
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
      case .quickGELU: team.quickGELU(&inner)
      }
      team.linear(inner, rows: 0..<rows.count, second.weight, bias: second.bias, addingTo: &hidden, atRow: start)
    }
  }
}

/// One block of the tower: attention and feed-forward, each behind a layer norm and added to what came in.
///
///     x += scale · attention(norm(x))
///     x += scale · feedForward(norm(x))
struct VisionTowerLayer: Sendable {
  let attentionNorm: LayerNormWeights
  let queryKeyValue: LinearWeights  // D -> 3 · D, queries, keys and values one after the other
  let output: LinearWeights  // D -> D
  let attentionScale: WeightTensor?  // [D]
  let feedForwardNorm: LayerNormWeights
  let feedForward: VisionTowerFeedForward
  let feedForwardScale: WeightTensor?  // [D]

  init(_ configuration: VisionTowerConfiguration, _ loader: inout WeightLoader, _ names: VisionTowerNames.Layer) {
    let d = configuration.width
    attentionNorm = loader.layerNorm(names.attentionNorm, width: d)
    let projections = [names.query, names.key, names.value]
    queryKeyValue = LinearWeights(
      weight: loader.matrix(concatenating: projections.map { "\($0).weight" }, outputs: [d, d, d], inputs: d),
      bias: loader.vector(concatenating: projections.map { "\($0).bias" }, counts: [d, d, d]))
    output = loader.linear(names.output, inputs: d, outputs: d)
    attentionScale = names.attentionScale.map { loader.tensor($0, [d]) }
    feedForwardNorm = loader.layerNorm(names.feedForwardNorm, width: d)
    feedForward = VisionTowerFeedForward(configuration, &loader, names.first, names.second)
    feedForwardScale = names.feedForwardScale.map { loader.tensor($0, [d]) }
  }
}
