// SPDX-License-Identifier: Apache-2.0

extension DecoderFamily {
  static let llama = DecoderFamily(
    modelType: "llama", title: "LLaMA", readsFeedForwardBias: true, keepsRotaryTablesInItsType: true, read: readLlama)

  @Sendable private static func readLlama(
    _ keys: inout ConfigurationKeys, _ sizes: Sizes
  ) throws(ModelError) -> Reading {
    try keys.requireActivation("hidden_act", ["silu", "swish"])
    return Reading(rope: try RopeSettings(&keys, sizes.rope()))
  }

  static let mistral = DecoderFamily(
    modelType: "mistral", title: "Mistral", keyValueHeads: 8, positions: 131_072, attentionBias: .never,
    read: readMistral)

  /// A window in every layer, of 4,096 positions where the configuration does not say.
  @Sendable private static func readMistral(
    _ keys: inout ConfigurationKeys, _ sizes: Sizes
  ) throws(ModelError) -> Reading {
    try keys.requireActivation("hidden_act", ["silu", "swish"])
    var reading = Reading(rope: try RopeSettings(&keys, sizes.rope()))
    if let window = try keys.window(4096) {
      reading.decoder.layers = Array(repeating: .init(window: window), count: sizes.layers)
    }
    return reading
  }

  static let olmo2 = DecoderFamily(
    modelType: "olmo2", title: "OLMo 2", vocabulary: 50_304, normEpsilon: 1e-5, read: readOlmo2)

  /// Norms stand behind the branches, and one goes over all heads of the queries, another over those of the keys.
  @Sendable private static func readOlmo2(
    _ keys: inout ConfigurationKeys, _ sizes: Sizes
  ) throws(ModelError) -> Reading {
    try keys.requireActivation("hidden_act", ["silu", "swish"])
    var reading = Reading(rope: try RopeSettings(&keys, sizes.rope()))
    reading.decoder.normPlace = .after
    reading.decoder.headNorm = .allHeadsTogether
    return reading
  }
}

extension DecoderFamily.Sizes {
  func rope(_ rules: RopeSettings.Rules = .init()) -> RopeSettings.Model {
    RopeSettings.Model(positions: positions, headWidth: headWidth, rules: rules)
  }
}
