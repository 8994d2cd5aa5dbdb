// SPDX-License-Identifier: Apache-2.0

import Kernels

/// The LLaMA of a GGUF file, as Hugging Face has it: the names of its tensors and the order of their rows.
///
/// llama.cpp rotates neighbours where Hugging Face rotates halves of a head, so that its conversion reorders the rows of queries and
/// keys; ``RowOrder`` takes that back as they are read.
struct GGUFLlama {
  let path: String
  let weights: WeightFiles
  /// Factors of the rotary frequencies, `rope_freqs.weight`; nil without.
  let ropeFactors: StoredTensor?

  static let architecture = "llama"

  /// - Parameters:
  ///   - gguf: of the architecture that is computed here.
  ///   - shape: its layers and its heads' width.
  init(_ gguf: GGUFFile, layers: Int, headWidth: Int) throws(ModelError) {
    path = gguf.path
    var tensors: [String: StoredTensor] = [:]
    var ropeFactors: StoredTensor?
    for tensor in gguf.tensors {
      if tensor.name == "rope_freqs.weight" {
        ropeFactors = tensor
      } else if !Self.isUnused(tensor.name) {
        let renamed = try Self.renamed(tensor, layers: layers, headWidth: headWidth, path)
        tensors[renamed.name] = renamed
      }
    }
    self.ropeFactors = ropeFactors
    weights = WeightFiles(file: gguf.path, tensors: tensors)
  }

  private static let wholeNames = [
    "token_embd.weight": "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
  ]

  /// Of a layer.
  private static let moduleNames = [
    "attn_norm": "input_layernorm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj", "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj",
  ]

  /// Conversions of 2023 kept the rotary frequencies of each layer, which llama.cpp passes over as well.
  private static func isUnused(_ name: String) -> Bool { name.hasSuffix(".attn_rot_embd.weight") }

  private static func renamed(
    _ tensor: StoredTensor, layers: Int, headWidth: Int, _ path: String
  ) throws(ModelError) -> StoredTensor {
    guard let name = Self.name(tensor.name, layers: layers) else {
      throw ModelError(
        .unsupported,
        "\(path) holds \(tensor.name), which a LLaMA of \(layers) layers does not have; what it changes would not be computed"
      )
    }
    var order: RowOrder?
    if name.contains(".self_attn.q_proj.") || name.contains(".self_attn.k_proj.") {
      guard headWidth > 0, headWidth % 2 == 0, tensor.shape[0] % headWidth == 0 else {
        throw ModelError(
          .tensorMismatch, "\(path): \(tensor.name) has \(tensor.shape[0]) rows, which are no heads of \(headWidth)")
      }
      order = RowOrder(headWidth: headWidth)
    }
    return StoredTensor(
      name: name, type: tensor.type, shape: tensor.shape, strides: nil, offset: tensor.offset, file: tensor.file,
      rowOrder: order)
  }

  /// `blk.3.attn_q.weight` is `model.layers.3.self_attn.q_proj.weight`.
  private static func name(_ name: String, layers: Int) -> String? {
    if let whole = wholeNames[name] { return whole }
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 4, parts[0] == "blk", let layer = Int(parts[1]), String(layer) == parts[1],
      (0..<layers).contains(layer), let module = moduleNames[String(parts[2])], ["weight", "bias"].contains(parts[3])
    else { return nil }
    return "model.layers.\(layer).\(module).\(parts[3])"
  }
}
