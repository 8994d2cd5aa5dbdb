// SPDX-License-Identifier: Apache-2.0

import Basics

extension GGUFArchitecture {
  static let phi3 = GGUFArchitecture(
    name: "phi3", modelType: "phi3", modules: phi3Modules, biasedModules: [], rotatesParts: true, read: readPhi3)

  /// Matrices that share their input are one there, too: `ffn_up` holds the gate before it.
  private static let phi3Modules = [
    "attn_norm": "input_layernorm", "attn_qkv": "self_attn.qkv_proj", "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm", "ffn_up": "mlp.gate_up_proj", "ffn_down": "mlp.down_proj",
  ]

  /// llama.cpp passes over the window; early conversions did not write it.
  @Sendable private static func readPhi3(_ model: inout GGUFConfiguration) throws(ModelError) {
    let rotated = try model.metadata.integer(".rope.dimension_count") ?? model.sizes.headWidth
    guard (1...max(1, model.sizes.headWidth)).contains(rotated) else {
      throw model.metadata.refusal(of: ".rope.dimension_count", "a part of a head is expected")
    }
    model.values["partial_rotary_factor"] = .number(fraction(rotated, of: model.sizes.headWidth))
    if let window = try model.window() {
      model.values["sliding_window"] = window == 0 ? .null : .number(Double(window))
    } else {
      try model.fill(["sliding_window"], usual: nil)
    }
    try readLongRope(&model, pairs: rotated / 2)
  }

  /// The part of a width that is a whole number of elements again when it is multiplied with the width and rounded down.
  private static func fraction(_ part: Int, of width: Int) -> Double {
    let fraction = Double(part) / Double(max(1, width))
    return Int(Double(width) * fraction) < part ? fraction.nextUp : fraction
  }

  /// Its factors are tensors; the type of scaling is not written.
  private static func readLongRope(_ model: inout GGUFConfiguration, pairs: Int) throws(ModelError) {
    let short = try model.numbers(ofTensor: "rope_factors_short.weight", count: pairs)
    let long = try model.numbers(ofTensor: "rope_factors_long.weight", count: pairs)
    let original = try model.originalPositions()
    guard short != nil || long != nil else { return }
    guard let short, let long else {
      throw ModelError(
        .malformed,
        "\(model.metadata.path) holds one of rope_factors_short.weight and rope_factors_long.weight; convert the model again"
      )
    }
    guard let original else { throw model.metadata.missing(".rope.scaling.original_context_length") }
    model.values["original_max_position_embeddings"] = .number(original)
    model.setScaling(
      "longrope",
      [
        "short_factor": .array(short.map { .number(Double($0)) }),
        "long_factor": .array(long.map { .number(Double($0)) }),
        "attention_factor": try model.metadata.number(".rope.scaling.attn_factor").map(JSONValue.number),
      ])
  }
}
