// SPDX-License-Identifier: Apache-2.0

extension DecoderFamily {
  static let phi3 = DecoderFamily(
    modelType: "phi3", title: "Phi-3", vocabulary: 32_064, normEpsilon: 1e-5, positions: 4096, attentionBias: .never,
    scalesLinearly: false, read: readPhi3)

  /// Matrices that share their input are one, a part of each head may be rotated alone, and a window is in every layer.
  @Sendable private static func readPhi3(
    _ keys: inout ConfigurationKeys, _ sizes: Sizes
  ) throws(ModelError) -> Reading {
    try keys.requireActivation("hidden_act", ["silu", "swish"])
    let rules = RopeSettings.Rules(
      types: ["default", "longrope"], originalPositions: 4096, readsRotatedFraction: true)
    var reading = Reading(rope: try RopeSettings(&keys, sizes.rope(rules)))
    reading.decoder.fusesProjections = true
    if let window = try keys.window(nil) {
      reading.decoder.layers = Array(repeating: .init(window: window), count: sizes.layers)
    }
    return reading
  }
}
