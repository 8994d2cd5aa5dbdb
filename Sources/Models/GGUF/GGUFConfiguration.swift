// SPDX-License-Identifier: Apache-2.0

import Basics
import Kernels

/// What a GGUF file's metadata say of its model, in the words of Hugging Face's `config.json`: one reader decides what of it is
/// computed.
struct GGUFConfiguration {
  struct Sizes {
    let width: Int
    let layers: Int
    let heads: Int
    let keyValueHeads: Int
    let headWidth: Int
    let feedForwardWidth: Int
    let positions: Int
  }

  let architecture: GGUFArchitecture
  let sizes: Sizes
  /// Keys of a `config.json`, and those of the metadata that nothing is known of, with null.
  var values: [String: JSONValue] = [:]
  var metadata: GGUFMetadata
  /// The `config.json` beside the file, which says what conversions leave out; nil without.
  let beside: [String: JSONValue]?
  /// What a `config.json` has no words for.
  private(set) var conversion = DecoderConversion()
  /// Tensors that say how the model is computed, and hold no weights.
  private(set) var readTensors: Set<String> = []

  private let gguf: GGUFFile

  /// The version of ggml's quantised blocks that is read.
  private static let quantizationVersion = 2.0
  /// Where the metadata do not say `rope.freq_base`.
  private static let defaultRopeBase = 10_000.0

  init(_ gguf: GGUFFile, beside: [String: JSONValue]? = nil) throws(ModelError) {
    var metadata = GGUFMetadata(gguf)
    let architecture = try Self.model(&metadata)
    metadata.architecture = architecture.name
    let sizes = try Self.sizes(&metadata)
    (self.gguf, self.architecture, self.sizes, self.beside) = (gguf, architecture, sizes, beside)
    self.metadata = metadata
    values["model_type"] = .string(architecture.modelType)
    for (key, size) in [
      "hidden_size": sizes.width, "num_hidden_layers": sizes.layers, "num_attention_heads": sizes.heads,
      "num_key_value_heads": sizes.keyValueHeads, "head_dim": sizes.headWidth,
      "intermediate_size": sizes.feedForwardWidth, "max_position_embeddings": sizes.positions,
      "vocab_size": try vocabulary(),
    ] { values[key] = .number(Double(size)) }
    try readNumbers()
    readTensorNames()
    try readScaling()
    try architecture.read(&self)
    conversion.addedOneToNorms = architecture.addsOneToNorms
    try divideFrequencies()
    try refuseOthers()
    for key in self.metadata.unknown(besides: isHarmless) { values[key] = .null }
  }

  private static func model(_ metadata: inout GGUFMetadata) throws(ModelError) -> GGUFArchitecture {
    if let type = try metadata.text("general.type"), type != "model" {
      throw metadata.refusal(of: "general.type", "only a whole model is read")
    }
    if let shards = try metadata.integer("split.count"), shards > 1 {
      throw metadata.refusal(
        of: "split.count", "join the files first: llama-gguf-split --merge \(metadata.path) WHOLE.gguf")
    }
    let architecture = try GGUFArchitecture.named(&metadata)
    try metadata.require("general.quantization_version", quantizationVersion)
    return architecture
  }

  private static func sizes(_ metadata: inout GGUFMetadata) throws(ModelError) -> Sizes {
    let width = try metadata.required(".embedding_length")
    let heads = try metadata.required(".attention.head_count")
    let stated = try metadata.integer(".attention.key_length")
    let headWidth = stated ?? (heads > 0 ? width / heads : 0)
    if let other = try metadata.integer(".attention.value_length"), other != headWidth {
      throw metadata.refusal(of: ".attention.value_length", "only \(headWidth), the width of a head, is computed")
    }
    let sizes = Sizes(
      width: width, layers: try metadata.required(".block_count"), heads: heads,
      keyValueHeads: try metadata.integer(".attention.head_count_kv") ?? heads, headWidth: headWidth,
      feedForwardWidth: try metadata.required(".feed_forward_length"),
      positions: try metadata.required(".context_length"))
    guard sizes.layers > 0, sizes.headWidth > 0 else {
      throw ModelError(
        .malformed,
        "\(metadata.path) says \(sizes.layers) layers, and heads of width \(sizes.headWidth); convert the model again")
    }
    return sizes
  }

  private mutating func vocabulary() throws(ModelError) -> Int {
    let stated = try metadata.integer(".vocab_size")
    let rows = gguf.tensors.first { $0.name == "token_embd.weight" }?.shape.first
    if let stated, let rows, stated != rows {
      throw ModelError(
        .tensorMismatch, "\(gguf.path): vocab_size is \(stated), and token_embd.weight has \(rows) rows")
    }
    return rows ?? stated ?? 0
  }

  private mutating func readNumbers() throws(ModelError) {
    let epsilon = ".attention.layer_norm_rms_epsilon"
    guard let epsilonValue = try metadata.number(epsilon) else { throw metadata.missing(epsilon) }
    values["rms_norm_eps"] = .number(epsilonValue)
    let base = try metadata.number(".rope.freq_base")
    if base == nil, architecture.needsRopeBase { throw metadata.missing(".rope.freq_base") }
    values["rope_theta"] = .number(base ?? Self.defaultRopeBase)
    let rotated = ".rope.dimension_count"
    if let width = try metadata.integer(rotated), width != sizes.headWidth, !architecture.rotatesParts {
      throw metadata.refusal(of: rotated, "only \(sizes.headWidth), the width of a head, is computed")
    }
  }

  /// What is told by which tensors there are.
  private mutating func readTensorNames() {
    values["tie_word_embeddings"] = .bool(!gguf.tensors.contains { $0.name == "output.weight" })
    let biased = Set(
      gguf.tensors.filter { $0.name.hasPrefix("blk.") && $0.name.hasSuffix(".bias") }
        .compactMap { $0.name.split(separator: ".").dropFirst(2).first.map(String.init) })
    values["attention_bias"] = .bool(!biased.isDisjoint(with: GGUFArchitecture.attention))
    values["mlp_bias"] = .bool(biased.contains { $0.hasPrefix("ffn_") })
  }

  /// The numbers of a tensor that says how the model is computed; nil where there is none.
  mutating func numbers(ofTensor name: String, count: Int) throws(ModelError) -> [Float]? {
    guard let tensor = gguf.tensors.first(where: { $0.name == name }) else { return nil }
    readTensors.insert(name)
    guard tensor.type == .float32, tensor.count == count else {
      throw ModelError(
        .tensorMismatch, "\(gguf.path): \(name) is \(tensor.type.name) \(tensor.shape), and F32 [\(count)] is expected")
    }
    return tensor.load(shape: [count], on: ComputeTeam(threads: 1)).values
  }

  /// Takes what conversions leave out from the `config.json` beside the file.
  ///
  /// - Parameters:
  ///   - keys: of a `config.json`. What the metadata have said stays.
  ///   - usual: what is known without that file; nil where nothing is.
  mutating func fill(_ keys: [String], usual: [String: JSONValue]?) throws(ModelError) {
    guard let known = beside?.filter({ keys.contains($0.key) }) ?? usual else {
      throw ModelError(
        .unsupported,
        "\(gguf.path): GGUF files of the architecture \(architecture.name) leave out \(keys.joined(separator: ", ")), and what they are "
          + "in this one, with \(sizes.layers) layers of width \(sizes.width), is not known; put the model's config.json into the "
          + "checkpoint's llm/")
    }
    values.merge(known) { stated, _ in stated }
  }

  /// Takes in the factors that the rotary frequencies are divided by, which llama.cpp's conversion makes of Llama 3's settings.
  private mutating func divideFrequencies() throws(ModelError) {
    guard architecture.dividesFrequencies,
      let factors = try numbers(ofTensor: "rope_freqs.weight", count: sizes.headWidth / 2),
      !factors.allSatisfy({ $0 == 1 })
    else { return }
    guard values["rope_scaling"] == nil, factors.allSatisfy({ $0 > 0 && $0.isFinite }) else {
      throw ModelError(
        .unsupported,
        "\(gguf.path): rope_freqs.weight is computed where its factors are positive and rope.scaling.type is none")
    }
    conversion.frequencyDivisors = factors
  }

  // MARK: - What is not computed

  private mutating func refuseOthers() throws(ModelError) {
    for (key, computed) in [
      (".expert_count", 0), (".expert_used_count", 0), (".attention.sliding_window", 0), (".attention.scale", 0),
      (".attention.max_alibi_bias", 0), (".attention.clamp_kqv", 0), (".attn_logit_softcapping", 0),
      (".final_logit_softcapping", 0), (".logit_scale", 1), (".embedding_scale", 1), (".residual_scale", 1),
      (".rope.scaling.attn_factor", 1), (".rope.scaling.yarn_log_multiplier", 0),
    ] as [(String, Double)] where !metadata.hasRead(key) { try metadata.require(key, computed) }
    for key in [".attention.sliding_window_pattern", ".rope.freq_base_swa", ".rope.dimension_count_swa"]
    where !metadata.hasRead(key) && metadata.has(key) {
      throw metadata.refusal(of: key, "layers of more than one kind are not computed in this architecture")
    }
    for (key, computed) in [(".use_parallel_residual", false), (".attention.causal", true)] {
      guard let flag = try metadata.flag(key), flag != computed else { continue }
      throw metadata.refusal(of: key, "only \(computed) is computed")
    }
    let layout = ".tensor_data_layout"
    if let text = try metadata.text(layout), text != "Meta AI original pth" {
      throw metadata.refusal(of: layout, "convert the model again with a current llama.cpp")
    }
  }

  /// Who made the file, how it was quantised, and the tokenizer, which ``GGUFVocabulary`` reads.
  private func isHarmless(_ key: String) -> Bool {
    ["general.", "tokenizer.", "quantize.", "split."].contains(where: key.hasPrefix)
      || ["pooling_type", "rope.scaling.original_context_length", "rope.scaling.finetuned"]
        .contains { key == "\(architecture.name).\($0)" }
  }
}
