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

  init(_ configuration: LlamaConfiguration, _ loader: inout WeightLoader, _ layer: String) {
    let (d, q) = (configuration.width, configuration.heads * configuration.headWidth)
    let kv = configuration.keyValueHeads * configuration.headWidth
    let name = layer + ".self_attn"
    queryWeight = loader.matrix("\(name).q_proj.weight", [q, d])
    keyWeight = loader.matrix("\(name).k_proj.weight", [kv, d])
    valueWeight = loader.matrix("\(name).v_proj.weight", [kv, d])
    outputWeight = loader.matrix("\(name).o_proj.weight", [d, q])
    let hasBias = configuration.attentionHasBias
    queryBias = hasBias ? loader.tensor("\(name).q_proj.bias", [q]) : nil
    keyBias = hasBias ? loader.tensor("\(name).k_proj.bias", [kv]) : nil
    valueBias = hasBias ? loader.tensor("\(name).v_proj.bias", [kv]) : nil
    outputBias = hasBias ? loader.tensor("\(name).o_proj.bias", [d]) : nil
  }
}

/// The SwiGLU feed-forward: `down(silu(gate(x)) · up(x))`.
package struct LlamaFeedForward: Sendable {
  package let gateWeight: LinearWeight  // [F, D]   mlp.gate_proj.weight
  package let upWeight: LinearWeight  // [F, D]   mlp.up_proj.weight
  package let downWeight: LinearWeight  // [D, F]   mlp.down_proj.weight
  package let gateBias: WeightTensor?  // [F]
  package let upBias: WeightTensor?  // [F]
  package let downBias: WeightTensor?  // [D]

  init(_ configuration: LlamaConfiguration, _ loader: inout WeightLoader, _ layer: String) {
    let (d, f) = (configuration.width, configuration.feedForwardWidth)
    gateWeight = loader.matrix("\(layer).mlp.gate_proj.weight", [f, d])
    upWeight = loader.matrix("\(layer).mlp.up_proj.weight", [f, d])
    downWeight = loader.matrix("\(layer).mlp.down_proj.weight", [d, f])
    let hasBias = configuration.feedForwardHasBias
    gateBias = hasBias ? loader.tensor("\(layer).mlp.gate_proj.bias", [f]) : nil
    upBias = hasBias ? loader.tensor("\(layer).mlp.up_proj.bias", [f]) : nil
    downBias = hasBias ? loader.tensor("\(layer).mlp.down_proj.bias", [d]) : nil
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
      team.siluMultiply(&gate, by: up)
      team.linear(gate, rows: 0..<rows.count, downWeight, bias: downBias, addingTo: &hidden, atRow: start)
    }
  }
}

/// One block: attention and feed-forward, each behind a norm and added to what came in.
package struct LlamaLayer: Sendable {
  package let attentionNorm: WeightTensor  // [D]   input_layernorm.weight
  package let attention: LlamaAttention
  package let feedForwardNorm: WeightTensor  // [D]   post_attention_layernorm.weight
  package let feedForward: LlamaFeedForward

  init(_ configuration: LlamaConfiguration, _ loader: inout WeightLoader, index: Int) {
    let layer = "layers.\(index)"
    attentionNorm = loader.tensor("\(layer).input_layernorm.weight", [configuration.width])
    attention = LlamaAttention(configuration, &loader, layer)
    feedForwardNorm = loader.tensor("\(layer).post_attention_layernorm.weight", [configuration.width])
    feedForward = LlamaFeedForward(configuration, &loader, layer)
  }
}
