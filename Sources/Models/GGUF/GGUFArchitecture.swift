// SPDX-License-Identifier: Apache-2.0

import Basics

/// An architecture of GGUF files: how llama.cpp's conversion writes a family of Hugging Face's, which is what is computed.
///
/// The tables stand beside the families.
///
/// - Source: `convert_hf_to_gguf.py`, `gguf.constants` and the models of llama.cpp.
struct GGUFArchitecture: Sendable {
  /// Reads the architecture's own keys into those of a `config.json`.
  typealias Reader = @Sendable (inout GGUFConfiguration) throws(ModelError) -> Void

  /// As `general.architecture` says it, and before each of its keys.
  let name: String
  /// Of the family.
  let modelType: String
  /// A layer's modules in Hugging Face's files, by ggml's names.
  var modules = beforeBranches
  /// Of those, the ones that may have a bias.
  var biasedModules = attention.union(["ffn_gate", "ffn_up", "ffn_down"])
  /// Whether the conversion reorders the rows of queries and keys.
  var reordersHeads = false
  /// Whether the conversion has added the one to norms that the family's files hold less one.
  var addsOneToNorms = false
  /// Whether `rope_freqs.weight` may divide the rotary frequencies.
  var dividesFrequencies = false
  /// Whether a file without `rope.freq_base` is refused: the family's usual base is another than llama.cpp's.
  var needsRopeBase = false
  /// Whether `rope.dimension_count` may be less than a head.
  var rotatesParts = false
  let read: Reader

  static let all = [llama, qwen2, qwen3, gemma2, gemma3, phi3, smollm3, olmo2]

  static func named(_ metadata: inout GGUFMetadata) throws(ModelError) -> GGUFArchitecture {
    let key = "general.architecture"
    guard let name = try metadata.text(key) else { throw metadata.missing(key) }
    guard let found = all.first(where: { $0.name == name }) else {
      let names = all.map { "\"\($0.name)\"" }.joined(separator: ", ")
      throw metadata.refusal(of: key, "of GGUF files \(names) are computed")
    }
    return found
  }

  // MARK: - Tables that architectures share

  static let attention: Set<String> = ["attn_q", "attn_k", "attn_v", "attn_output"]

  private static let matrices = [
    "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj", "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
  ]

  /// Norms stand before the branches.
  static let beforeBranches = with(["attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm"])

  static let headNorms = ["attn_q_norm": "self_attn.q_norm", "attn_k_norm": "self_attn.k_norm"]

  /// The matrices of all layers, and these.
  static func with(_ modules: [String: String]) -> [String: String] {
    matrices.merging(modules) { _, other in other }
  }
}
