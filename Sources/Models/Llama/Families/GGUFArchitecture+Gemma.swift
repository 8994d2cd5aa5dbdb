// SPDX-License-Identifier: Apache-2.0

import Basics

extension GGUFArchitecture {
  static let gemma2 = GGUFArchitecture(
    name: "gemma2", modelType: "gemma2", modules: gemmaModules, biasedModules: attention, addsOneToNorms: true,
    read: readGemma2)

  @Sendable private static func readGemma2(_ model: inout GGUFConfiguration) throws(ModelError) {
    for cap in ["attn_logit_softcapping", "final_logit_softcapping"] {
      if let value = try model.metadata.number(".\(cap)") { model.values[cap] = .number(value) }
    }
    if let window = try model.window() { model.values["sliding_window"] = .number(Double(window)) }
    try readGemma(&model, scalars: [[26, 2304]: 256, [42, 3584]: 256, [46, 4608]: 144])
  }

  static let gemma3 = GGUFArchitecture(
    name: "gemma3", modelType: "gemma3_text", modules: gemmaModules.merging(headNorms) { $1 }, biasedModules: attention,
    addsOneToNorms: true, needsRopeBase: true, read: readGemma3)

  /// A file without a window has a model whose layers all see all.
  @Sendable private static func readGemma3(_ model: inout GGUFConfiguration) throws(ModelError) {
    if let cap = try model.metadata.number(".final_logit_softcapping") {
      model.values["final_logit_softcapping"] = .number(cap)
    }
    if let window = try model.window(), window != 0 {
      model.values["sliding_window"] = .number(Double(window))
    } else {
      model.values["sliding_window_pattern"] = .number(1)
    }
    // Of layers with a window; earlier conversions left it out, as llama.cpp takes that of the published models.
    let local = try model.metadata.number(".rope.freq_base_swa")
    model.values["rope_local_base_freq"] = .number(local ?? 10_000)
    try readGemma(
      &model, scalars: [[18, 640]: 256, [26, 1152]: 256, [34, 2560]: 256, [48, 3840]: 256, [62, 5376]: 168])
  }

  private static let gemmaModules = with([
    "attn_norm": "input_layernorm", "post_attention_norm": "post_attention_layernorm",
    "ffn_norm": "pre_feedforward_layernorm", "post_ffw_norm": "post_feedforward_layernorm",
  ])

  /// The scale of queries is known by the shapes of the published models, which were made in bfloat16: their token embeddings are
  /// multiplied with a number of that type. Which layers have a window is every other one, or five of six, unless it is said.
  ///
  /// - Parameter scalars: `query_pre_attn_scalar` by layers and width.
  private static func readGemma(
    _ model: inout GGUFConfiguration, scalars: [[Int]: Double]
  ) throws(ModelError) {
    model.values["hidden_activation"] = .string("gelu_pytorch_tanh")
    try model.readWindowPattern()
    let scalar = scalars[[model.sizes.layers, model.sizes.width]]
    try model.fill(
      ["query_pre_attn_scalar", "dtype", "torch_dtype", "layer_types", "sliding_window_pattern"],
      usual: scalar.map { ["query_pre_attn_scalar": .number($0), "dtype": .string("bfloat16")] })
  }
}
