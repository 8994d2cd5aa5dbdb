// SPDX-License-Identifier: Apache-2.0

import Kernels

/// The shape of a decoder, a LLaMA or one of the families that came after it, from its `config.json`.
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
  /// What the reference framework keeps the rotary tables in, however the weights are widened later.
  let ropePrecision: RotaryTable.Precision
  /// What the reference framework makes of the file's weights when it loads them; wider ones are rounded.
  let loadedPrecision: RotaryTable.Precision
  package let tiesEmbeddings: Bool
  package let attentionHasBias: Bool
  package let feedForwardHasBias: Bool
  /// For people: "LLaMA", "Qwen3".
  package private(set) var family = DecoderFamily.llama.title
  /// What it does otherwise than a LLaMA.
  package private(set) var decoder = DecoderDescription()

  /// Keys of the file that nothing is known of.
  package let unknownKeys: UnknownKeys

  /// - Parameters:
  ///   - path: the model's `config.json`, with the defaults of its family in Hugging Face's transformers where it leaves a value
  ///     out.
  ///   - trainedContext: the context length that a trained checkpoint was made for, which overrules the file's scaling of
  ///     positions.
  package init(path: String, trainedContext: Double? = nil) throws(ModelError) {
    try self.init(try ConfigurationKeys(path: path), trainedContext: trainedContext)
  }

  /// - Parameters:
  ///   - keys: of a `config.json`, or of what says the same.
  ///   - conversion: what the keys do not say.
  init(
    _ keys: ConfigurationKeys, trainedContext: Double?, _ conversion: DecoderConversion = .init()
  ) throws(ModelError) {
    var keys = keys
    let path = keys.path
    let family = try DecoderFamily.named(&keys)
    try Self.refuseQuantized(&keys)
    width = try keys.required("hidden_size")
    layers = try keys.required("num_hidden_layers")
    heads = try keys.required("num_attention_heads")
    keyValueHeads =
      try keys.integer("num_key_value_heads") ?? (keys.isNull("num_key_value_heads") ? nil : family.keyValueHeads)
      ?? heads
    feedForwardWidth = try keys.required("intermediate_size")
    vocabulary = try keys.integer("vocab_size") ?? family.vocabulary
    headWidth = try keys.integer("head_dim") ?? family.headWidth ?? (heads > 0 ? width / heads : 0)
    normEpsilon = Float(try keys.number("rms_norm_eps") ?? family.normEpsilon)
    tiesEmbeddings = try keys.flag("tie_word_embeddings") ?? family.tiesEmbeddings
    attentionHasBias = try Self.attentionBias(family, &keys)
    feedForwardHasBias = try family.readsFeedForwardBias ? keys.flag("mlp_bias") ?? false : false
    try Self.checkSizes([width, layers, heads, keyValueHeads, headWidth, feedForwardWidth, vocabulary], path)
    let positions = Double(try keys.integer("max_position_embeddings") ?? family.positions)
    let precision = try Self.precision(&keys)
    let sizes = DecoderFamily.Sizes(
      width: width, layers: layers, headWidth: headWidth, precision: precision, positions: positions)
    let reading = try family.read(&keys, sizes)
    try Self.refuseOthers(&keys, reading.decoder)

    var scaling = reading.rope.scaling
    if let divisors = conversion.frequencyDivisors { scaling.scheme = .divided(by: divisors) }
    let ownContext = try keys.number("model_max_length")
    if let factor = Self.factor(trainedContext: trainedContext ?? ownContext, positions: positions) {
      guard family.scalesLinearly else {
        throw ModelError(
          .unsupported,
          "\(path): model_max_length is beyond the \(Int(min(positions, 1e9))) positions that the model was made for, and "
            + "positions of \(family.title) are not divided; train with a shorter context")
      }
      scaling = RopeSettings.Scaling(factor: factor)
    }
    ropeBase = reading.rope.theta
    ropeScaling = scaling.factor
    let isPublished = family.keepsRotaryTablesInItsType && scaling.scheme == .plain
    ropePrecision = isPublished ? precision : .float32
    loadedPrecision = precision
    contextLength = Int(max(0, min(max(positions * scaling.factor, scaling.reach), 1e9)))
    unknownKeys = Self.unknown(keys, reading.rope.unknownKeys + reading.unknownKeys)
    self.family = family.title
    decoder = reading.decoder
    decoder.normsAddOne = decoder.normsAddOne && !conversion.addedOneToNorms
    decoder.ropeScheme = scaling.scheme
    decoder.rotatedFraction = reading.rope.rotatedFraction
    decoder.positionLimit = [decoder.positionLimit, scaling.positionLimit].compactMap(\.self).min()
    try check(path)
  }

  /// Elements of a head that are rotated.
  var rotatedWidth: Int { Int(Double(headWidth) * decoder.rotatedFraction) }

  /// The published code asks for the context it trains with (`model_max_length`) and, when that is beyond what the LLM was
  /// made for, scales positions by how many times it is longer, rounded up.
  private static func factor(trainedContext: Double?, positions: Double) -> Double? {
    // Tokenizers write 1e30 for "no limit" under the same name.
    guard let trainedContext, trainedContext > positions, trainedContext < 1e9 else { return nil }
    return (trainedContext / positions).rounded(.up)
  }

  private static func attentionBias(
    _ family: DecoderFamily, _ keys: inout ConfigurationKeys
  ) throws(ModelError) -> Bool {
    switch family.attentionBias {
    case .asConfigured: return try keys.flag("attention_bias") ?? false
    case .never: return false
    case .always:
      _ = keys.value("attention_bias")
      return true
    }
  }

  private static func checkSizes(_ sizes: [Int], _ path: String) throws(ModelError) {
    guard sizes.allSatisfy({ (1...1 << 24).contains($0) }) else {
      throw ModelError(.malformed, "\(path): a size is zero, negative or beyond 2^24: \(sizes)")
    }
  }

  private func check(_ path: String) throws(ModelError) {
    guard heads % keyValueHeads == 0, headWidth % 2 == 0, rotatedWidth > 0, rotatedWidth % 2 == 0 else {
      throw ModelError(
        .malformed,
        "\(path): \(heads) attention heads of width \(headWidth) do not go with \(keyValueHeads) key/value heads; heads "
          + "must be a multiple of them and the width, or what is rotated of it, even")
    }
    guard ropeBase > 0, ropeBase.isFinite, ropeScaling >= 1, ropeScaling.isFinite, normEpsilon >= 0,
      normEpsilon.isFinite
    else {
      throw ModelError(
        .malformed, "\(path): rope_theta \(ropeBase), RoPE scaling \(ropeScaling) or rms_norm_eps is out of range")
    }
    if let local = decoder.localRope {
      guard local.base > 0, local.base.isFinite, local.scaling >= 1, local.scaling.isFinite else {
        throw ModelError(.malformed, "\(path): the RoPE of layers with a window is out of range")
      }
    }
  }
}
