// SPDX-License-Identifier: Apache-2.0

import Kernels

/// The shape of a LLaMA model, from its `config.json`.
///
/// Dimension letters of this module: T rows of a packed batch, D width, H query heads, G key/value heads, E head width,
/// F feed-forward width, V vocabulary.
package struct LlamaConfiguration: Sendable {
  /// D.
  package let width: Int
  package let layers: Int
  /// H.
  package let heads: Int
  /// G; H when the checkpoint has no grouped queries.
  package let keyValueHeads: Int
  /// E.
  package let headWidth: Int
  /// F.
  package let feedForwardWidth: Int
  /// V.
  package let vocabulary: Int
  /// Positions that the model was made for, or that its scaled positions reach.
  package let contextLength: Int
  package let normEpsilon: Float
  package let ropeBase: Double
  /// Positions are divided by it.
  package let ropeScaling: Double
  /// The type that the model was made in. The reference framework keeps its rotary tables in it, however the weights are
  /// widened later.
  let ropePrecision: RotaryTable.Precision
  package let tiesEmbeddings: Bool
  package let attentionHasBias: Bool
  package let feedForwardHasBias: Bool

  /// Keys of the file that nothing is known of.
  package let unknownKeys: UnknownKeys

  /// - Parameters:
  ///   - path: the model's `config.json`, with the defaults of Hugging Face's `LlamaConfig` where it leaves a value out.
  ///   - trainedContext: the context length that a trained checkpoint was made for, which overrules the file's scaling of
  ///     positions.
  package init(path: String, trainedContext: Double? = nil) throws(ModelError) {
    try self.init(try ConfigurationKeys(path: path), trainedContext: trainedContext)
  }

  /// - Parameter keys: of a `config.json`, or of what says the same.
  init(_ keys: ConfigurationKeys, trainedContext: Double?) throws(ModelError) {
    var keys = keys
    try Self.refuseOthers(&keys)
    width = try keys.required("hidden_size")
    layers = try keys.required("num_hidden_layers")
    heads = try keys.required("num_attention_heads")
    keyValueHeads = try keys.integer("num_key_value_heads") ?? heads
    feedForwardWidth = try keys.required("intermediate_size")
    vocabulary = try keys.integer("vocab_size") ?? 32000
    headWidth = try keys.integer("head_dim") ?? (heads > 0 ? width / heads : 0)
    normEpsilon = Float(try keys.number("rms_norm_eps") ?? 1e-6)
    ropePrecision = try Self.precision(&keys)
    tiesEmbeddings = try keys.flag("tie_word_embeddings") ?? false
    attentionHasBias = try keys.flag("attention_bias") ?? false
    feedForwardHasBias = try keys.flag("mlp_bias") ?? false
    let rope = try RopeSettings(&keys)
    ropeBase = rope.theta
    let positions = Double(try keys.integer("max_position_embeddings") ?? Self.defaultPositions)
    let ownContext = try keys.number("model_max_length")
    ropeScaling = Self.scaling(trainedContext: trainedContext ?? ownContext, positions: positions) ?? rope.factor
    contextLength = Int(max(0, min(positions * ropeScaling, 1e9)))
    unknownKeys = Self.unknown(keys, rope)
    try check(keys.path)
  }

  /// Where a configuration does not say `max_position_embeddings`.
  private static let defaultPositions = 2048

  /// The published code asks for the context it trains with (`model_max_length`) and, when that is beyond what the LLM was
  /// made for, scales positions by how many times it is longer, rounded up.
  private static func scaling(trainedContext: Double?, positions: Double) -> Double? {
    // Tokenizers write 1e30 for "no limit" under the same name.
    guard let trainedContext, trainedContext > positions, trainedContext < 1e9 else { return nil }
    return (trainedContext / positions).rounded(.up)
  }

  private func check(_ path: String) throws(ModelError) {
    let sizes = [width, layers, heads, keyValueHeads, headWidth, feedForwardWidth, vocabulary]
    guard sizes.allSatisfy({ (1...1 << 24).contains($0) }) else {
      throw ModelError(.malformed, "\(path): a size is zero, negative or beyond 2^24: \(sizes)")
    }
    guard heads % keyValueHeads == 0, headWidth % 2 == 0 else {
      throw ModelError(
        .malformed,
        "\(path): \(heads) attention heads of width \(headWidth) do not go with \(keyValueHeads) key/value heads; heads "
          + "must be a multiple of them and the width even")
    }
    guard ropeBase > 0, ropeBase.isFinite, ropeScaling >= 1, ropeScaling.isFinite, normEpsilon >= 0 else {
      throw ModelError(
        .malformed, "\(path): rope_theta \(ropeBase), RoPE scaling \(ropeScaling) or rms_norm_eps is out of range")
    }
  }
}
