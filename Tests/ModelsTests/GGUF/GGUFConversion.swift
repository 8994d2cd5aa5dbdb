// SPDX-License-Identifier: Apache-2.0

import Basics
import Foundation
import TestSupport

@testable import Models

/// A decoder of Hugging Face's as llama.cpp's `convert_hf_to_gguf.py` writes it, in 32-bit floats.
struct GGUFConversion {
  let golden: DecoderGolden
  let keys: [String: JSONValue]
  private(set) var builder = GGUFBuilder()

  private var modelType: String { keys["model_type"]?.string ?? "" }
  var architecture: String { ["mistral": "llama", "gemma3_text": "gemma3"][modelType] ?? modelType }
  private var heads: Int { integer("num_attention_heads") }
  private var headWidth: Int { keys["head_dim"] == nil ? integer("hidden_size") / heads : integer("head_dim") }

  init(_ golden: DecoderGolden) throws {
    self.golden = golden
    keys = try JSONText.value(Array(golden.configuration.utf8)).object ?? [:]
    describe()
    writePositions()
    for (name, shape, values) in try golden.weights() { add(name, shape, values) }
  }

  private func integer(_ key: String) -> Int { Int(keys[key]?.number ?? 0) }

  private mutating func set(_ key: String, _ value: Int) { builder.set("\(architecture).\(key)", value) }
  private mutating func set(_ key: String, _ value: Double) { builder.set("\(architecture).\(key)", Float(value)) }

  private mutating func describe() {
    builder.set("general.architecture", architecture)
    builder.set("general.type", "model")
    for (key, name) in [
      ("block_count", "num_hidden_layers"), ("context_length", "max_position_embeddings"),
      ("embedding_length", "hidden_size"), ("feed_forward_length", "intermediate_size"),
      ("attention.head_count", "num_attention_heads"), ("attention.head_count_kv", "num_key_value_heads"),
      ("vocab_size", "vocab_size"),
    ] { set(key, integer(name)) }
    set("attention.layer_norm_rms_epsilon", keys["rms_norm_eps"]?.number ?? 0)
    if keys["head_dim"] != nil {
      set("attention.key_length", headWidth)
      set("attention.value_length", headWidth)
    }
    for cap in ["attn_logit_softcapping", "final_logit_softcapping"] {
      if let value = keys[cap]?.number { set(cap, value) }
    }
    // Of the others it is left out.
    if ["gemma2", "gemma3", "phi3"].contains(architecture) {
      set("attention.sliding_window", integer("sliding_window"))
    }
  }

  private mutating func writePositions() {
    let parameters = keys["rope_parameters"]?.object ?? [:]
    let rope = parameters["full_attention"]?.object ?? parameters
    let keys = keys
    func number(_ key: String) -> Double { rope[key]?.number ?? keys[key]?.number ?? 0 }
    if architecture != "gemma2" { set("rope.freq_base", number("rope_theta")) }
    if let local = parameters["sliding_attention"]?.object {
      set("rope.freq_base_swa", local["rope_theta"]?.number ?? 0)
    }
    let part = rope["partial_rotary_factor"]?.number ?? 1
    if ["llama", "phi3", "smollm3"].contains(architecture) {
      set("rope.dimension_count", Int(Double(headWidth) * part))
    }
    if architecture == "phi3" {
      set("rope.scaling.original_context_length", Int(max(4096, number("original_max_position_embeddings"))))
    }
    switch rope["rope_type"]?.string {
    case "linear", "yarn":
      builder.set("\(architecture).rope.scaling.type", rope["rope_type"]?.string ?? "")
      set("rope.scaling.factor", number("factor"))
      guard rope["rope_type"] == .string("yarn") else { return }
      set("rope.scaling.original_context_length", Int(number("original_max_position_embeddings")))
      if rope["beta_fast"] != nil { set("rope.scaling.yarn_beta_fast", number("beta_fast")) }
    case "llama3": addLlama3Factors(number)
    case "longrope":
      let scale = number("max_position_embeddings") / number("original_max_position_embeddings")
      set("rope.scaling.attn_factor", (1 + log(scale) / log(number("original_max_position_embeddings"))).squareRoot())
      for side in ["short", "long"] {
        let factors = rope["\(side)_factor"]?.array?.compactMap(\.number).map { Float($0) } ?? []
        builder.add("rope_factors_\(side).weight", [factors.count], 0, factors.float32Bytes)
      }
    default: break
    }
  }

  private mutating func addLlama3Factors(_ number: (String) -> Double) {
    let (original, factor) = (number("original_max_position_embeddings"), number("factor"))
    let (low, high) = (number("low_freq_factor"), number("high_freq_factor"))
    let factors = (0..<headWidth / 2).map { index -> Float in
      let wavelength = 2 * Double.pi * pow(number("rope_theta"), Double(2 * index) / Double(headWidth))
      if wavelength < original / high { return 1 }
      if wavelength > original / low { return Float(factor) }
      let smooth = (original / wavelength - low) / (high - low)
      return Float(1 / ((1 - smooth) / factor + smooth))
    }
    builder.add("rope_freqs.weight", [factors.count], 0, factors.float32Bytes)
  }

  // MARK: - Tensors

  private static let names = [
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "self_attn.qkv_proj": "attn_qkv", "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
    "mlp.gate_up_proj": "ffn_up", "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm",
    "pre_feedforward_layernorm": "ffn_norm", "post_feedforward_layernorm": "post_ffw_norm",
  ]

  private mutating func add(_ name: String, _ shape: [Int], _ values: [Float]) {
    var values = values
    if modelType.hasPrefix("gemma"), name.hasSuffix("norm.weight") { values = values.map { $0 + 1 } }
    if ["llama", "smollm3"].contains(architecture), name.contains(".q_proj.") || name.contains(".k_proj.") {
      values = Self.permuted(values, rowWidth: shape.count == 2 ? shape[1] : 1, headWidth: headWidth)
    }
    builder.add(ggmlName(name), shape, 0, values.float32Bytes)
  }

  private func ggmlName(_ name: String) -> String {
    guard name != "norm.weight" else { return "output_norm.weight" }
    let parts = name.split(separator: ".")
    let module = parts[2..<parts.count - 1].joined(separator: ".")
    // Where another norm stands before the feed-forward, or none, it belongs to attention.
    let attended = ["gemma2", "gemma3", "olmo2"].contains(architecture) ? "post_attention_norm" : "ffn_norm"
    return
      "blk.\(parts[1]).\(module == "post_attention_layernorm" ? attended : Self.names[module] ?? module).\(parts.last ?? "")"
  }

  /// `reshape(heads, 2, half, width).swapaxes(1, 2)`.
  private static func permuted(_ values: [Float], rowWidth: Int, headWidth: Int) -> [Float] {
    let half = headWidth / 2
    return (0..<values.count / rowWidth).flatMap { row -> ArraySlice<Float> in
      let (head, inside) = row.quotientAndRemainder(dividingBy: headWidth)
      let from = (head * headWidth + inside % 2 * half + inside / 2) * rowWidth
      return values[from..<from + rowWidth]
    }
  }
}
