// SPDX-License-Identifier: Apache-2.0

extension DecoderFamily {
  static let qwen2 = DecoderFamily(
    modelType: "qwen2", title: "Qwen2", vocabulary: 151_936, keyValueHeads: 32, positions: 32_768,
    attentionBias: .always, read: readQwen2)

  /// Queries, keys and values have biases, whatever the configuration says; what attention gives has none.
  @Sendable private static func readQwen2(
    _ keys: inout ConfigurationKeys, _ sizes: Sizes
  ) throws(ModelError) -> Reading {
    var reading = try readQwen(&keys, sizes)
    reading.decoder.leavesOutputUnbiased = true
    return reading
  }

  static let qwen3 = DecoderFamily(
    modelType: "qwen3", title: "Qwen3", vocabulary: 151_936, keyValueHeads: 32, headWidth: 128, positions: 32_768,
    read: readQwen3)

  /// Each head of queries and keys is normed.
  @Sendable private static func readQwen3(
    _ keys: inout ConfigurationKeys, _ sizes: Sizes
  ) throws(ModelError) -> Reading {
    var reading = try readQwen(&keys, sizes)
    reading.decoder.headNorm = .eachHead
    return reading
  }

  /// Layers from `max_window_layers` on have a window, when it is turned on.
  private static func readQwen(_ keys: inout ConfigurationKeys, _ sizes: Sizes) throws(ModelError) -> Reading {
    try keys.requireActivation("hidden_act", ["silu", "swish"])
    var reading = Reading(rope: try RopeSettings(&keys, sizes.rope()))
    let window = try keys.window(4096)
    let usesWindow = try keys.flag("use_sliding_window") ?? false
    let first = try keys.integer("max_window_layers") ?? 28
    reading.decoder.layers = try keys.layers(sizes.layers, window: usesWindow ? window : nil) { $0 >= first }
    return reading
  }

  static let smollm3 = DecoderFamily(
    modelType: "smollm3", title: "SmolLM3", vocabulary: 128_256, keyValueHeads: 4, positions: 32_768,
    tiesEmbeddings: true, readsFeedForwardBias: true, read: readSmolLM3)

  /// Some layers are not rotated, every fourth where the configuration does not list them; a window, when it is turned on, is
  /// theirs.
  @Sendable private static func readSmolLM3(
    _ keys: inout ConfigurationKeys, _ sizes: Sizes
  ) throws(ModelError) -> Reading {
    try keys.requireActivation("hidden_act", ["silu", "swish"])
    var reading = Reading(rope: try RopeSettings(&keys, sizes.rope(.init(defaultTheta: 2_000_000))))
    let window = try keys.window(nil)
    let usesWindow = try keys.flag("use_sliding_window") ?? false
    let interval = try keys.integer("no_rope_layer_interval") ?? 4
    let rotates: [Bool]
    if let listed = try keys.numbers("no_rope_layers") {
      guard listed.count >= sizes.layers else {
        throw keys.refusal(of: "no_rope_layers", "1 or 0 for each of the \(sizes.layers) layers is expected")
      }
      // 1 stands for a layer that is rotated.
      rotates = listed.prefix(sizes.layers).map { $0 != 0 }
    } else {
      guard interval > 0 else { throw keys.refusal(of: "no_rope_layer_interval", "a positive number is expected") }
      rotates = (1...sizes.layers).map { $0 % interval != 0 }
    }
    var layers = try keys.layers(sizes.layers, window: usesWindow ? window : nil) { !rotates[$0] }
    for index in layers.indices where !rotates[index] { layers[index].rotation = .none }
    reading.decoder.layers = layers
    return reading
  }
}
