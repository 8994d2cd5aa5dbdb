// SPDX-License-Identifier: Apache-2.0

import Basics

extension GGUFArchitecture {
  /// LLaMA, and Mistral, which has no name of its own.
  static let llama = GGUFArchitecture(
    name: "llama", modelType: "llama", reordersHeads: true, dividesFrequencies: true, read: readLlama)

  /// The conversion leaves out Mistral's window.
  @Sendable private static func readLlama(_ model: inout GGUFConfiguration) throws(ModelError) {
    let window = try model.window()
    let mistral = JSONValue.string("mistral")
    if let window, window != 0 {
      model.values["sliding_window"] = .number(Double(window))
    } else if model.beside?["model_type"] == mistral {
      model.values["sliding_window"] = window == 0 ? .null : model.beside?["sliding_window"]
    } else {
      if window == nil, model.beside == nil { try refuseFirstMistral(&model) }
      return
    }
    model.values["model_type"] = mistral
  }

  /// Mistral 7B v0.1 and what was trained from it have a window of 4,096 positions, and later ones, with another base, have none.
  private static func refuseFirstMistral(_ model: inout GGUFConfiguration) throws(ModelError) {
    let sizes = model.sizes
    guard
      [sizes.layers, sizes.width, sizes.keyValueHeads, sizes.feedForwardWidth, sizes.positions]
        == [32, 4096, 8, 14_336, 32_768], model.values["rope_theta"] == .number(10_000)
    else { return }
    throw ModelError(
      .unsupported,
      "\(model.metadata.path) has the shape of Mistral 7B v0.1, whose sliding window GGUF files do not say; put the model's "
        + "config.json into the checkpoint's llm/")
  }

  static let olmo2 = GGUFArchitecture(
    name: "olmo2", modelType: "olmo2",
    modules: with(["post_attention_norm": "post_attention_layernorm", "post_ffw_norm": "post_feedforward_layernorm"])
      .merging(headNorms) { $1 },
    biasedModules: attention, read: { _ in })
}
