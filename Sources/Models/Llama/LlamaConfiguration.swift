import Kernels

/// The shape of a LLaMA model, from its `config.json`.
///
/// Dimension letters of this module: T rows of a packed batch, D width, H query heads, G key/value heads, E head width,
/// F feed-forward width, V vocabulary.
struct LlamaConfiguration: Sendable {
  /// D.
  let width: Int
  let layers: Int
  /// H.
  let heads: Int
  /// G; H when the checkpoint has no grouped queries.
  let keyValueHeads: Int
  /// E.
  let headWidth: Int
  /// F.
  let feedForwardWidth: Int
  /// V.
  let vocabulary: Int
  let normEpsilon: Float
  let ropeBase: Double
  /// Positions are divided by it.
  let ropeScaling: Double
  /// The type that the model was made in. The reference framework keeps its rotary tables in it, however the weights are
  /// widened later.
  let ropePrecision: RotaryTable.Precision
  let tiesEmbeddings: Bool
  let attentionHasBias: Bool
  let feedForwardHasBias: Bool

  /// - Parameters:
  ///   - path: the model's `config.json`.
  ///   - trainedContext: the context length that a trained checkpoint was made for, which overrules `rope_scaling`.
  init(path: String, trainedContext: Double? = nil) throws(ModelError) {
    let file = try JSONText.decode(File.self, from: path)
    try file.refuseOtherArchitectures(path)
    width = file.hidden_size
    layers = file.num_hidden_layers
    heads = file.num_attention_heads
    keyValueHeads = file.num_key_value_heads ?? file.num_attention_heads
    feedForwardWidth = file.intermediate_size
    vocabulary = file.vocab_size ?? 32000
    headWidth = file.head_dim ?? (heads > 0 ? width / heads : 0)
    normEpsilon = Float(file.rms_norm_eps ?? 1e-6)
    ropeBase = file.rope_theta ?? 10_000
    ropePrecision = Self.precision(file.torch_dtype)
    tiesEmbeddings = file.tie_word_embeddings ?? false
    attentionHasBias = file.attention_bias ?? false
    feedForwardHasBias = file.mlp_bias ?? false
    ropeScaling = try file.scaling(trainedContext: trainedContext, path: path)
    try check(path)
  }

  private static func precision(_ dtype: String?) -> RotaryTable.Precision {
    switch dtype {
    case "bfloat16", "torch.bfloat16": .bfloat16
    case "float16", "torch.float16": .float16
    default: .float32
    }
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

extension LlamaConfiguration {
  /// `config.json`, with the defaults of Hugging Face's `LlamaConfig` where the file leaves a value out.
  private struct File: Decodable {
    let model_type: String?
    let hidden_size: Int
    let intermediate_size: Int
    let num_hidden_layers: Int
    let num_attention_heads: Int
    let num_key_value_heads: Int?
    let head_dim: Int?
    let vocab_size: Int?
    let max_position_embeddings: Int?
    let model_max_length: Double?
    let rms_norm_eps: Double?
    let rope_theta: Double?
    let rope_scaling: Scaling?
    let hidden_act: String?
    let torch_dtype: String?
    let tie_word_embeddings: Bool?
    let attention_bias: Bool?
    let mlp_bias: Bool?

    struct Scaling: Decodable {
      let type: String?
      let rope_type: String?
      let factor: Double?
    }

    func refuseOtherArchitectures(_ path: String) throws(ModelError) {
      if let model_type, model_type != "llama" {
        throw ModelError(.unsupported, "\(path): model_type is \"\(model_type)\"; only \"llama\" is computed")
      }
      if let hidden_act, hidden_act != "silu" {
        throw ModelError(.unsupported, "\(path): hidden_act is \"\(hidden_act)\"; only \"silu\" is computed")
      }
    }

    /// The published code asks for the context it trains with (`model_max_length`) and, when that is beyond what the LLM
    /// was made for, scales positions by how many times it is longer, rounded up.
    func scaling(trainedContext: Double?, path: String) throws(ModelError) -> Double {
      let positions = Double(max_position_embeddings ?? 2048)
      // Tokenizers write 1e30 for "no limit" under the same name.
      if let context = trainedContext ?? model_max_length, context > positions, context < 1e9 {
        return (context / positions).rounded(.up)
      }
      guard let rope_scaling, let type = rope_scaling.type ?? rope_scaling.rope_type, type != "default" else {
        return 1
      }
      guard type == "linear" else {
        throw ModelError(.unsupported, "\(path): rope_scaling is of type \"\(type)\"; only \"linear\" is computed")
      }
      guard let factor = rope_scaling.factor else {
        throw ModelError(.malformed, "\(path): rope_scaling has no factor")
      }
      return factor
    }
  }
}
