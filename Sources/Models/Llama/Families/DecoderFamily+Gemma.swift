// SPDX-License-Identifier: Apache-2.0

import Basics
import Kernels

extension DecoderFamily {
  static let gemma2 = DecoderFamily(
    modelType: "gemma2", title: "Gemma 2", vocabulary: 256_000, keyValueHeads: 4, headWidth: 256, positions: 8192,
    tiesEmbeddings: true, read: readGemma2)

  /// Every other layer has a window, the first one too; scores and logits are capped.
  @Sendable private static func readGemma2(
    _ keys: inout ConfigurationKeys, _ sizes: Sizes
  ) throws(ModelError) -> Reading {
    var reading = Reading(
      decoder: try gemma(&keys, sizes), rope: try RopeSettings(&keys, sizes.rope()))
    reading.decoder.attentionSoftCap = try keys.softCap("attn_logit_softcapping", 50)
    reading.decoder.logitSoftCap = try keys.softCap("final_logit_softcapping", 30)
    let window = try keys.window(4096)
    // Another name, which transformers passes over.
    if let other = try keys.integer("sliding_window_size"), other != window {
      throw keys.refusal(of: "sliding_window_size", "sliding_window is computed, which says another")
    }
    reading.decoder.layers = try keys.layers(sizes.layers, window: window) { $0 % 2 == 0 }
    return reading
  }

  static let gemma3 = DecoderFamily(
    modelType: "gemma3_text", title: "Gemma 3", vocabulary: 262_208, keyValueHeads: 4, headWidth: 256,
    positions: 131_072, tiesEmbeddings: true, scalesLinearly: false, read: readGemma3)

  /// Five layers of six have a window and a RoPE of their own; each head of queries and keys is normed.
  @Sendable private static func readGemma3(
    _ keys: inout ConfigurationKeys, _ sizes: Sizes
  ) throws(ModelError) -> Reading {
    let (global, local) = try gemma3Ropes(&keys, sizes)
    var reading = Reading(decoder: try gemma(&keys, sizes), rope: global)
    reading.decoder.headNorm = .eachHead
    // The model of transformers does not heed it, whatever a configuration says.
    try keys.require(FixedKey("attn_logit_softcapping", .null))
    reading.decoder.logitSoftCap = try keys.softCap("final_logit_softcapping", nil)
    let pattern = try keys.integer("sliding_window_pattern") ?? 6
    guard pattern > 0 else { throw keys.refusal(of: "sliding_window_pattern", "a positive number is expected") }
    let window = try keys.window(4096)
    var layers = try keys.layers(sizes.layers, window: window) { ($0 + 1) % pattern != 0 }
    for index in layers.indices where layers[index].window != nil { layers[index].rotation = .local }
    reading.decoder.layers = layers
    let scaling = local.scaling
    reading.decoder.localRope = .init(base: local.theta, scaling: scaling.factor, scheme: scaling.scheme)
    reading.decoder.positionLimit = scaling.positionLimit
    reading.unknownKeys = local.unknownKeys
    return reading
  }

  /// Version 5 writes `rope_parameters` with an object for each kind of layer; before it, `rope_theta` and `rope_scaling` were of
  /// the layers without a window, `rope_local_base_freq` of those with one.
  private static func gemma3Ropes(
    _ keys: inout ConfigurationKeys, _ sizes: Sizes
  ) throws(ModelError) -> (global: RopeSettings, local: RopeSettings) {
    var parameters = try keys.object("rope_parameters")
    let full = try parameters?.object("full_attention")
    let sliding = try parameters?.object("sliding_attention")
    let theta = ("rope_theta", try keys.number("rope_theta"))
    let localTheta = ("rope_local_base_freq", try keys.number("rope_local_base_freq"))
    let scaling = try keys.object("rope_scaling")
    let original = try keys.number("original_max_position_embeddings")
    if let name = parameters?.unknown(besides: []).first {
      throw ModelError(
        .unsupported,
        "\(keys.path): \(name) is of no kind of layer; full_attention and sliding_attention are computed, each with a RoPE"
      )
    }
    let global = try RopeSettings(
      keys.path, theta: theta, original, [full, scaling], sizes.rope(.init(defaultTheta: 1_000_000)))
    let local = try RopeSettings(keys.path, theta: localTheta, original, [sliding], sizes.rope())
    return (global, local)
  }

  /// What all of Gemma has: norms before and behind each branch whose weights are kept less one, a GELU, token embeddings
  /// times the root of the width, and a scale of its own for queries.
  private static func gemma(_ keys: inout ConfigurationKeys, _ sizes: Sizes) throws(ModelError) -> DecoderDescription {
    try keys.requireActivation("hidden_activation", ["gelu_pytorch_tanh"])
    // `hidden_act` is of Gemma 1; its models read the other.
    _ = keys.value("hidden_act")
    try keys.require(FixedKey("use_bidirectional_attention", .bool(false)))
    var decoder = DecoderDescription()
    decoder.normPlace = .beforeAndAfter
    decoder.normsAddOne = true
    decoder.activation = .geluTanh
    decoder.embeddingScale = sizes.precision.rounded(Float(Double(sizes.width).squareRoot()))
    let scalar = try keys.number("query_pre_attn_scalar") ?? 256
    guard scalar > 0, scalar.isFinite else {
      throw keys.refusal(of: "query_pre_attn_scalar", "a positive number is expected")
    }
    decoder.queryScale = Float(1 / scalar.squareRoot())
    return decoder
  }
}
