// SPDX-License-Identifier: Apache-2.0

import Basics

extension GGUFArchitecture {
  static let qwen2 = GGUFArchitecture(
    name: "qwen2", modelType: "qwen2", biasedModules: ["attn_q", "attn_k", "attn_v"], read: readQwen)

  static let qwen3 = GGUFArchitecture(
    name: "qwen3", modelType: "qwen3", modules: beforeBranches.merging(headNorms) { $1 }, read: readQwen)

  /// The conversion leaves out whether windows are turned on, and in which layers. No published Qwen2 or Qwen3 turns them on, so that a
  /// file that says nothing has none, as in llama.cpp.
  @Sendable private static func readQwen(_ model: inout GGUFConfiguration) throws(ModelError) {
    let window = try model.window() ?? 0
    if window != 0 { model.values["sliding_window"] = .number(Double(window)) }
    try model.fill(
      ["use_sliding_window", "sliding_window", "max_window_layers", "layer_types"], usual: window == 0 ? [:] : nil)
  }

  static let smollm3 = GGUFArchitecture(
    name: "smollm3", modelType: "smollm3", reordersHeads: true, dividesFrequencies: true, needsRopeBase: true,
    read: readSmolLM3)

  /// The conversion leaves out which layers are not rotated; of the published model of 36 layers, it is every fourth.
  @Sendable private static func readSmolLM3(_ model: inout GGUFConfiguration) throws(ModelError) {
    try model.fill(
      ["no_rope_layers", "no_rope_layer_interval", "use_sliding_window", "sliding_window", "layer_types"],
      usual: [model.sizes.layers, model.sizes.width] == [36, 2048] ? [:] : nil)
  }
}
