// SPDX-License-Identifier: Apache-2.0

import Basics

/// How far a model reaches beyond the positions that it was made for, and which of them a layer sees.
extension GGUFConfiguration {
  mutating func readScaling() throws(ModelError) {
    let key = ".rope.scaling.type"
    let type = try metadata.text(key) ?? "linear"
    let factors = [try metadata.number(".rope.scaling.factor"), try metadata.number(".rope.scale_linear")]
    // 0 is none.
    let factor = factors.compactMap { $0 }.first.map { $0 == 0 ? 1 : $0 } ?? 1
    switch type {
    case "none": break
    case "linear": if factor != 1 { setScaling("linear", ["factor": .number(factor)]) }
    case "yarn": try readYarn(factor: factor)
    // Its factors are tensors, which the architecture reads.
    case "longrope": setScaling(type, [:])
    default: throw metadata.refusal(of: key, "\"none\", \"linear\", \"yarn\" and \"longrope\" are computed")
    }
  }

  mutating func setScaling(_ type: String, _ settings: [String: JSONValue?]) {
    let stated = settings.compactMapValues(\.self)
    values["rope_scaling"] = .object(stated.merging(["rope_type": .string(type)]) { first, _ in first })
  }

  /// The conversion writes what a `config.json` states, and leaves out `mscale`, `mscale_all_dim` and `truncate`.
  private mutating func readYarn(factor: Double) throws(ModelError) {
    try metadata.require(".rope.scaling.yarn_ext_factor", 1)
    let numbers = [
      "attention_factor": try metadata.number(".rope.scaling.yarn_attn_factor"),
      "beta_fast": try metadata.number(".rope.scaling.yarn_beta_fast"),
      "beta_slow": try metadata.number(".rope.scaling.yarn_beta_slow"),
      "original_max_position_embeddings": try originalPositions() ?? Double(sizes.positions), "factor": factor,
    ]
    setScaling("yarn", numbers.mapValues { $0.map(JSONValue.number) })
  }

  mutating func originalPositions() throws(ModelError) -> Double? {
    try metadata.number(".rope.scaling.original_context_length")
  }

  /// `attention.sliding_window`, where 0 stands for none; nil where the file does not say.
  mutating func window() throws(ModelError) -> Int? { try metadata.integer(".attention.sliding_window") }

  /// Sets the types of layers where the file lists which of them have a window, or says after how many one has none.
  mutating func readWindowPattern() throws(ModelError) {
    let key = ".attention.sliding_window_pattern"
    guard metadata.has(key) else { return }
    let slides: [Bool]
    if let listed = try metadata.flags(key) {
      guard listed.count >= sizes.layers else {
        throw metadata.refusal(of: key, "true or false for each of the \(sizes.layers) layers is expected")
      }
      slides = Array(listed.prefix(sizes.layers))
    } else {
      guard let period = try metadata.integer(key) else { throw metadata.missing(key) }
      guard period >= 0 else { throw metadata.refusal(of: key, "a positive number is expected") }
      // As llama.cpp's `set_swa_pattern`; 0 stands for a window in every layer.
      slides = (0..<max(0, min(sizes.layers, 1 << 16))).map { period == 0 || $0 % period < period - 1 }
    }
    values["layer_types"] = .array(slides.map { .string($0 ? "sliding_attention" : "full_attention") })
  }
}
