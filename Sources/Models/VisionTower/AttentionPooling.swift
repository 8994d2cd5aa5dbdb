// SPDX-License-Identifier: Apache-2.0

import Kernels

/// The attention-pooling head: one learned probe per image reads its patches.
///
///     a = attention(probe, patches, patches)
///     out = a + feedForward(norm(a))
struct AttentionPooling: Sendable {
  let probe: WeightTensor  // [1, 1, D]   head.probe
  // The rows of head.attention.in_proj_weight [3 · D, D], in this order.
  let queryWeight: LinearWeight  // [D, D]
  let keyWeight: LinearWeight  // [D, D]
  let valueWeight: LinearWeight  // [D, D]
  let inputBias: WeightTensor  // [3 · D]   head.attention.in_proj_bias
  let output: LinearWeights  // D -> D   head.attention.out_proj
  let norm: LayerNormWeights  // head.layernorm
  let feedForward: VisionTowerFeedForward  // head.mlp
  private let heads: Int
  private let epsilon: Float

  init(_ configuration: VisionTowerConfiguration, _ loader: inout WeightLoader, _ head: String) {
    let d = configuration.width
    probe = loader.tensor("\(head).probe", [1, 1, d])
    let inputs = "\(head).attention.in_proj_weight"
    queryWeight = loader.matrix(inputs, [3 * d, d], rows: 0..<d)
    keyWeight = loader.matrix(inputs, [3 * d, d], rows: d..<2 * d)
    valueWeight = loader.matrix(inputs, [3 * d, d], rows: 2 * d..<3 * d)
    inputBias = loader.tensor("\(head).attention.in_proj_bias", [3 * d])
    output = loader.linear("\(head).attention.out_proj", inputs: d, outputs: d)
    norm = loader.layerNorm("\(head).layernorm", width: d)
    feedForward = VisionTowerFeedForward(configuration, &loader, "\(head).mlp.fc1", "\(head).mlp.fc2")
    heads = configuration.heads
    epsilon = configuration.normEpsilon
  }

  /// The pooled embedding of each image.
  ///
  /// - Parameters:
  ///   - patches: [B · P, D], after the tower's last norm.
  ///   - images: B.
  /// - Returns: [B, D].
  func pool(_ patches: borrowing Activations, images: Int, on team: ComputeTeam) -> Activations {
    let d = patches.width
    let perImage = patches.rows / images
    var key = Activations(rows: patches.rows, width: d)
    var value = Activations(rows: patches.rows, width: d)
    team.linear(patches, keyWeight, bias: inputBias.rows(d..<2 * d), into: &key)
    team.linear(patches, valueWeight, bias: inputBias.rows(2 * d..<3 * d), into: &value)
    var probes = Activations(rows: images, width: d)
    for image in 0..<images { probes.setRow(image, toRow: 0, of: probe.reshaped([1, d])) }
    var query = Activations(rows: images, width: d)
    team.linear(probes, queryWeight, bias: inputBias.rows(0..<d), into: &query)

    var attended = Activations(rows: images, width: d)
    let sequences = (0..<images).map {
      SequenceSpan(queries: $0..<$0 + 1, keys: $0 * perImage..<($0 + 1) * perImage)
    }
    team.attention(
      query: query, key: key, value: value, sequences: sequences, heads: heads, keyValueHeads: heads, causal: false,
      into: &attended)
    var pooled = Activations(rows: images, width: d)
    team.linear(attended, output.weight, bias: output.bias, into: &pooled)
    var normed = Activations(rows: images, width: d)
    team.layerNorm(pooled, weight: norm.weight, bias: norm.bias, epsilon: epsilon, into: &normed)
    var inner = Activations(rows: images, width: feedForward.first.bias.count)
    feedForward.add(of: normed, to: &pooled, inner: &inner, on: team)
    return pooled
  }
}
