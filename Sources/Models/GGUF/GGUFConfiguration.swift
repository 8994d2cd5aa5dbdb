// SPDX-License-Identifier: Apache-2.0

import Basics
import Kernels

/// What a GGUF file's metadata say of its model, in the words of Hugging Face's `config.json`: one reader decides what of it is
/// computed.
struct GGUFConfiguration {
  /// Keys of a `config.json`, and those of the metadata that nothing is known of, with null.
  private(set) var values: [String: JSONValue] = [:]
  let layers: Int
  let headWidth: Int
  private let ropeBase: Double

  private static let architecture = GGUFLlama.architecture
  /// The version of ggml's quantised blocks that is read.
  private static let quantizationVersion = 2.0
  /// Where the metadata do not say `rope.freq_base`.
  private static let defaultRopeBase = 10_000.0

  init(_ gguf: GGUFFile) throws(ModelError) {
    var metadata = GGUFMetadata(gguf)
    try Self.requireModel(&metadata)
    let name = Self.architecture
    layers = try metadata.required("\(name).block_count")
    let width = try metadata.required("\(name).embedding_length")
    let heads = try metadata.required("\(name).attention.head_count")
    headWidth = try Self.headWidth(&metadata, width: width, heads: heads)
    ropeBase = try metadata.number("\(name).rope.freq_base") ?? Self.defaultRopeBase
    let sizes: [String: Int] = [
      "hidden_size": width, "num_hidden_layers": layers, "num_attention_heads": heads, "head_dim": headWidth,
      "num_key_value_heads": try metadata.integer("\(name).attention.head_count_kv") ?? heads,
      "intermediate_size": try metadata.required("\(name).feed_forward_length"),
      "max_position_embeddings": try metadata.required("\(name).context_length"),
      "vocab_size": try Self.vocabulary(gguf, &metadata),
    ]
    for (key, size) in sizes { values[key] = .number(Double(size)) }
    guard let epsilon = try metadata.number("\(name).attention.layer_norm_rms_epsilon") else {
      throw metadata.missing("\(name).attention.layer_norm_rms_epsilon")
    }
    values["rms_norm_eps"] = .number(epsilon)
    values["rope_theta"] = .number(ropeBase)
    values["model_type"] = .string(name)
    let tensors = Set(gguf.tensors.map(\.name))
    values["tie_word_embeddings"] = .bool(!tensors.contains("output.weight"))
    values["attention_bias"] = .bool(tensors.contains("blk.0.attn_q.bias"))
    values["mlp_bias"] = .bool(tensors.contains("blk.0.ffn_gate.bias"))
    try readScaling(&metadata)
    try Self.refuseOthers(&metadata)
    for key in metadata.unknown(besides: Self.isHarmless) { values[key] = .null }
  }

  private static func requireModel(_ metadata: inout GGUFMetadata) throws(ModelError) {
    if let type = try metadata.text("general.type"), type != "model" {
      throw metadata.refusal(of: "general.type", "only a whole model is read")
    }
    if let shards = try metadata.integer("split.count"), shards > 1 {
      throw metadata.refusal(
        of: "split.count", "join the files first: llama-gguf-split --merge \(metadata.path) WHOLE.gguf")
    }
    guard let found = try metadata.text("general.architecture") else { throw metadata.missing("general.architecture") }
    guard found == architecture else {
      throw metadata.refusal(of: "general.architecture", "of GGUF files only \"\(architecture)\" is computed")
    }
    try metadata.require("general.quantization_version", quantizationVersion)
  }

  private static func headWidth(
    _ metadata: inout GGUFMetadata, width: Int, heads: Int
  ) throws(ModelError) -> Int {
    let stated = try metadata.integer("\(architecture).attention.key_length")
    let headWidth = stated ?? (heads > 0 ? width / heads : 0)
    for key in ["attention.value_length", "rope.dimension_count"] {
      guard let other = try metadata.integer("\(architecture).\(key)"), other != headWidth else { continue }
      throw metadata.refusal(of: "\(architecture).\(key)", "only \(headWidth), the width of a head, is computed")
    }
    return headWidth
  }

  private static func vocabulary(_ gguf: GGUFFile, _ metadata: inout GGUFMetadata) throws(ModelError) -> Int {
    let stated = try metadata.integer("\(architecture).vocab_size")
    let rows = gguf.tensors.first { $0.name == "token_embd.weight" }?.shape.first
    if let stated, let rows, stated != rows {
      throw ModelError(
        .tensorMismatch, "\(gguf.path): vocab_size is \(stated), and token_embd.weight has \(rows) rows")
    }
    return rows ?? stated ?? 0
  }

  // MARK: - Positions

  private mutating func readScaling(_ metadata: inout GGUFMetadata) throws(ModelError) {
    let name = Self.architecture
    let key = "\(name).rope.scaling.type"
    let type = try metadata.text(key) ?? "linear"
    let factors = [
      try metadata.number("\(name).rope.scaling.factor"), try metadata.number("\(name).rope.scale_linear"),
    ]
    // 0 is none.
    let factor = factors.compactMap { $0 }.first.map { $0 == 0 ? 1 : $0 } ?? 1
    switch type {
    case "none": break
    case "linear": if factor != 1 { setScaling("linear", ["factor": .number(factor)]) }
    default: throw metadata.refusal(of: key, "\"none\" and \"linear\" are computed")
    }
  }

  private mutating func setScaling(_ type: String, _ settings: [String: JSONValue]) {
    values["rope_scaling"] = .object(settings.merging(["rope_type": .string(type)]) { first, _ in first })
  }

  /// Takes in the factors that the rotary frequencies are divided by, which llama.cpp's conversion makes of Llama 3's settings.
  mutating func add(ropeFactors tensor: StoredTensor) throws(ModelError) {
    let problem = ModelError(
      .unsupported,
      "\(tensor.file.path): rope_freqs.weight holds other factors than those of Llama 3's scaling; only these are computed"
    )
    guard tensor.type == .float32, tensor.count == headWidth / 2 else { throw problem }
    let factors = tensor.load(shape: tensor.shape, on: ComputeTeam(threads: 1)).values
    guard !factors.allSatisfy({ $0 == 1 }) else { return }
    guard values["rope_scaling"] == nil, let scaling = LlamaThreeScaling(factors: factors, base: ropeBase) else {
      throw problem
    }
    setScaling("llama3", scaling.settings)
  }

  // MARK: - What is not computed

  private static func refuseOthers(_ metadata: inout GGUFMetadata) throws(ModelError) {
    for (key, computed) in [
      ("expert_count", 0), ("expert_used_count", 0), ("attention.sliding_window", 0), ("attention.scale", 0),
      ("attention.max_alibi_bias", 0), ("attention.clamp_kqv", 0), ("attn_logit_softcapping", 0),
      ("final_logit_softcapping", 0), ("logit_scale", 1), ("embedding_scale", 1), ("residual_scale", 1),
      ("rope.scaling.attn_factor", 1),
    ] as [(String, Double)] { try metadata.require("\(architecture).\(key)", computed) }
    for (key, computed) in [("use_parallel_residual", false), ("attention.causal", true)] {
      guard let flag = try metadata.flag("\(architecture).\(key)"), flag != computed else { continue }
      throw metadata.refusal(of: "\(architecture).\(key)", "only \(computed) is computed")
    }
    let layout = "\(architecture).tensor_data_layout"
    if let text = try metadata.text(layout), text != "Meta AI original pth" {
      throw metadata.refusal(of: layout, "convert the model again with a current llama.cpp")
    }
  }

  /// Who made the file, how it was quantised, and the tokenizer, which ``GGUFVocabulary`` reads.
  private static func isHarmless(_ key: String) -> Bool {
    ["general.", "tokenizer.", "quantize.", "split."].contains(where: key.hasPrefix)
      || ["pooling_type", "rope.scaling.original_context_length", "rope.scaling.finetuned"]
        .contains { key == "\(architecture).\($0)" }
  }
}
