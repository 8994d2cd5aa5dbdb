// SPDX-License-Identifier: Apache-2.0

package import Kernels

/// Self-attention with rotary positions and grouped queries.
package struct LlamaAttention: Sendable {
  package let queryWeight: LinearWeight  // [H · E, D]   self_attn.q_proj.weight
  package let keyWeight: LinearWeight  // [G · E, D]   self_attn.k_proj.weight
  package let valueWeight: LinearWeight  // [G · E, D]   self_attn.v_proj.weight
  package let outputWeight: LinearWeight  // [D, H · E]   self_attn.o_proj.weight
  package let queryBias: WeightTensor?  // [H · E]
  package let keyBias: WeightTensor?  // [G · E]
  package let valueBias: WeightTensor?  // [G · E]
  package let outputBias: WeightTensor?  // [D]
  package let queryNorm: WeightTensor?  // [E] or [H · E]   self_attn.q_norm.weight
  package let keyNorm: WeightTensor?  // [E] or [G · E]   self_attn.k_norm.weight
  /// Nil where queries and keys are not rotated.
  package let rotary: RotaryTable?
  package let scoring: AttentionScoring
  private let normEpsilon: Float

  init(
    _ configuration: LlamaConfiguration, _ loader: inout WeightLoader, _ layer: String, rotary: RotaryTable?,
    window: Int?
  ) {
    let (d, q) = (configuration.width, configuration.heads * configuration.headWidth)
    let kv = configuration.keyValueHeads * configuration.headWidth
    let decoder = configuration.decoder
    let name = layer + ".self_attn"
    if decoder.fusesProjections {
      let parts = loader.matrices(splitting: "\(name).qkv_proj.weight", outputs: [q, kv, kv], inputs: d)
      (queryWeight, keyWeight, valueWeight) = (parts[0], parts[1], parts[2])
    } else {
      queryWeight = loader.matrix("\(name).q_proj.weight", [q, d])
      keyWeight = loader.matrix("\(name).k_proj.weight", [kv, d])
      valueWeight = loader.matrix("\(name).v_proj.weight", [kv, d])
    }
    outputWeight = loader.matrix("\(name).o_proj.weight", [d, q])
    let hasBias = configuration.attentionHasBias
    queryBias = hasBias ? loader.tensor("\(name).q_proj.bias", [q]) : nil
    keyBias = hasBias ? loader.tensor("\(name).k_proj.bias", [kv]) : nil
    valueBias = hasBias ? loader.tensor("\(name).v_proj.bias", [kv]) : nil
    outputBias = hasBias && !decoder.leavesOutputUnbiased ? loader.tensor("\(name).o_proj.bias", [d]) : nil
    let together = decoder.headNorm == .allHeadsTogether
    let hasNorm = decoder.headNorm != nil
    queryNorm =
      hasNorm ? loader.norm("\(name).q_norm.weight", together ? q : configuration.headWidth, decoder) : nil
    keyNorm = hasNorm ? loader.norm("\(name).k_norm.weight", together ? kv : configuration.headWidth, decoder) : nil
    self.rotary = rotary
    scoring = AttentionScoring(scale: decoder.queryScale, softCap: decoder.attentionSoftCap, window: window)
    normEpsilon = configuration.normEpsilon
  }

  /// Makes projections [T, heads · E] the queries or keys of their positions: norms their heads, and rotates them.
  package func place(_ x: inout Activations, norm: WeightTensor?, at positions: [Int32], on team: ComputeTeam) {
    if let norm { team.rmsNormHeads(&x, weight: norm, epsilon: normEpsilon) }
    if let rotary { team.rotate(&x, positions: positions, table: rotary) }
  }

  /// The way back of `place(_:norm:at:on:)`.
  ///
  /// - Parameters:
  ///   - dx: [T, heads · E].
  ///   - projected: what was placed, when there is a norm.
  package func placeBackward(
    _ dx: inout Activations, of projected: borrowing Activations, norm: WeightTensor?, at positions: [Int32],
    on team: ComputeTeam
  ) {
    if let rotary { team.rotateBackward(&dx, positions: positions, table: rotary) }
    if let norm { team.rmsNormHeadsBackward(&dx, of: projected, weight: norm, epsilon: normEpsilon) }
  }
}

/// The gated feed-forward: `down(activation(gate(x)) · up(x))`.
package struct LlamaFeedForward: Sendable {
  package let gateWeight: LinearWeight  // [F, D]   mlp.gate_proj.weight
  package let upWeight: LinearWeight  // [F, D]   mlp.up_proj.weight
  package let downWeight: LinearWeight  // [D, F]   mlp.down_proj.weight
  package let gateBias: WeightTensor?  // [F]
  package let upBias: WeightTensor?  // [F]
  package let downBias: WeightTensor?  // [D]
  private let activation: DecoderDescription.Activation

  init(_ configuration: LlamaConfiguration, _ loader: inout WeightLoader, _ layer: String) {
    let (d, f) = (configuration.width, configuration.feedForwardWidth)
    if configuration.decoder.fusesProjections {
      let parts = loader.matrices(splitting: "\(layer).mlp.gate_up_proj.weight", outputs: [f, f], inputs: d)
      (gateWeight, upWeight) = (parts[0], parts[1])
    } else {
      gateWeight = loader.matrix("\(layer).mlp.gate_proj.weight", [f, d])
      upWeight = loader.matrix("\(layer).mlp.up_proj.weight", [f, d])
    }
    downWeight = loader.matrix("\(layer).mlp.down_proj.weight", [d, f])
    let hasBias = configuration.feedForwardHasBias
    gateBias = hasBias ? loader.tensor("\(layer).mlp.gate_proj.bias", [f]) : nil
    upBias = hasBias ? loader.tensor("\(layer).mlp.up_proj.bias", [f]) : nil
    downBias = hasBias ? loader.tensor("\(layer).mlp.down_proj.bias", [d]) : nil
    activation = configuration.decoder.activation
  }

  /// Adds the feed-forward of `normed` [T, D] to `hidden` [T, D].
  ///
  /// Rows go through in blocks, so that the F-wide values of long batches stay small.
  func add(
    of normed: borrowing Activations, to hidden: inout Activations, gate: inout Activations, up: inout Activations,
    on team: ComputeTeam
  ) {
    for start in stride(from: 0, to: normed.rows, by: gate.rows) {
      let rows = start..<min(start + gate.rows, normed.rows)
      team.linear(normed, rows: rows, gateWeight, bias: gateBias, into: &gate)
      team.linear(normed, rows: rows, upWeight, bias: upBias, into: &up)
      multiply(&gate, by: up, on: team)
      team.linear(gate, rows: 0..<rows.count, downWeight, bias: downBias, addingTo: &hidden, atRow: start)
    }
  }

  /// `gate = activation(gate) · up`, element by element.
  package func multiply(_ gate: inout Activations, by up: borrowing Activations, on team: ComputeTeam) {
    switch activation {
    case .silu: team.siluMultiply(&gate, by: up)
    case .geluTanh: team.geluTanhMultiply(&gate, by: up)
    }
  }

  /// Replaces what `multiply(_:by:on:)` read by the gradients by it.
  package func multiplyBackward(
    _ gate: inout Activations, by up: inout Activations, _ dy: borrowing Activations, on team: ComputeTeam
  ) {
    switch activation {
    case .silu: team.siluMultiplyBackward(&gate, by: &up, dy)
    case .geluTanh: team.geluTanhMultiplyBackward(&gate, by: &up, dy)
    }
  }
}

/// One block: attention and feed-forward, each normed before, behind or both, and added to what came in.
package struct LlamaLayer: Sendable {
  /// Of what attention reads.
  package let attentionNorm: WeightTensor?  // [D]   input_layernorm.weight
  package let attention: LlamaAttention
  /// Of what attention gives.
  package let attendedNorm: WeightTensor?  // [D]   post_attention_layernorm.weight
  /// Of what the feed-forward reads; pre_feedforward_layernorm.weight where another stands behind attention.
  package let feedForwardNorm: WeightTensor?  // [D]   post_attention_layernorm.weight
  package let feedForward: LlamaFeedForward
  /// Of what the feed-forward gives.
  package let outputNorm: WeightTensor?  // [D]   post_feedforward_layernorm.weight

  init(
    _ configuration: LlamaConfiguration, _ loader: inout WeightLoader, index: Int, rotary: RotaryTable?
  ) {
    let (layer, decoder) = ("layers.\(index)", configuration.decoder)
    func norm(_ name: String, if isThere: Bool) -> WeightTensor? {
      isThere ? loader.norm("\(layer).\(name).weight", configuration.width, decoder) : nil
    }
    let (before, after) = (decoder.normPlace != .after, decoder.hasNormsAfter)
    attentionNorm = norm("input_layernorm", if: before)
    attention = LlamaAttention(configuration, &loader, layer, rotary: rotary, window: decoder.layer(index).window)
    attendedNorm = norm("post_attention_layernorm", if: after)
    feedForwardNorm = norm(after ? "pre_feedforward_layernorm" : "post_attention_layernorm", if: before)
    feedForward = LlamaFeedForward(configuration, &loader, layer)
    outputNorm = norm("post_feedforward_layernorm", if: after)
  }
}

extension WeightLoader {
  /// The weights of a root-mean-square norm, as they are multiplied with.
  mutating func norm(_ name: String, _ width: Int, _ decoder: DecoderDescription) -> WeightTensor {
    let weight = tensor(name, [width])
    guard decoder.normsAddOne else { return weight }
    return WeightTensor(shape: weight.shape, values: weight.values.map { 1 + $0 })
  }
}
