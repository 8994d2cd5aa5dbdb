// SPDX-License-Identifier: Apache-2.0

import Basics

/// The shape of a BERT or MPNet encoder, from its `config.json`.
///
/// Dimension letters of this module: T rows (tokens) of a packed batch, D width, H heads, F feed-forward width, V vocabulary.
package struct TextEncoderConfiguration: Sendable, Equatable {
  /// What tells the two apart: where positions begin, and what attention knows of distances.
  package enum Family: String, Sendable, CaseIterable {
    /// Positions from 0, and an embedding of the segment that a token belongs to.
    case bert
    /// Positions after the padding's, and a bias by distance in every attention.
    case mpnet
  }

  package let family: Family
  /// D.
  package let width: Int
  /// F.
  package let feedForwardWidth: Int
  package let layers: Int
  /// H.
  package let heads: Int
  /// V.
  package let vocabulary: Int
  /// Rows of the position table.
  package let positions: Int
  /// Rows of the segment table; 0 for MPNet.
  package let segments: Int
  package let normEpsilon: Float
  /// Keys of the file that nothing is known of.
  package let unknownKeys: UnknownKeys

  /// MPNet's padding token; positions are counted from the one after it.
  static let mpnetPadding: Int32 = 1
  /// Hugging Face computes MPNet's buckets for this many, whatever the configuration says.
  static let mpnetBuckets = 32

  /// The longest text that has positions, in tokens.
  package var maxTokens: Int { family == .mpnet ? positions - Int(Self.mpnetPadding) - 1 : positions }

  /// - Parameter path: the model's `config.json`.
  /// - Throws: `.unsupported` for another kind of model, naming it; `.malformed` for sizes that fit no model.
  package init(path: String) throws(ModelError) {
    var keys = try ConfigurationKeys(path: path)
    let type = try keys.text("model_type") ?? ""
    guard let family = Family(rawValue: type) else {
      throw ModelError(
        .unsupported,
        "\(path): model_type is \"\(type)\"; sentence encoders of the types bert and mpnet are computed")
    }
    self.family = family
    width = try keys.integer("hidden_size") ?? 768
    feedForwardWidth = try keys.integer("intermediate_size") ?? 3072
    layers = try keys.integer("num_hidden_layers") ?? 12
    heads = try keys.integer("num_attention_heads") ?? 12
    vocabulary = try keys.integer("vocab_size") ?? (family == .bert ? 30522 : 30527)
    positions = try keys.integer("max_position_embeddings") ?? 512
    let storedSegments = try keys.integer("type_vocab_size")
    segments = family == .bert ? storedSegments ?? 2 : 0
    normEpsilon = Float(try keys.number("layer_norm_eps") ?? 1e-12)
    for fixed in Self.fixedKeys { try keys.require(fixed) }
    if family == .mpnet { try keys.require(Self.fixedBuckets) }
    unknownKeys = UnknownKeys(path: path, keys: keys.unknown(besides: Self.harmlessKeys(of: family)))
    try check(path)
  }

  private func check(_ path: String) throws(ModelError) {
    let sizes = [width, feedForwardWidth, layers, heads, vocabulary, positions]
    guard sizes.allSatisfy({ (1...1 << 20).contains($0) }) else {
      throw ModelError(.malformed, "\(path): a size is zero, negative or beyond 2^20: \(sizes)")
    }
    guard normEpsilon >= 0, normEpsilon.isFinite else {
      throw ModelError(.malformed, "\(path): layer_norm_eps is \(normEpsilon); it must be a number from 0 on")
    }
    guard width % heads == 0 else {
      throw ModelError(
        .malformed, "\(path): hidden_size \(width) is not a multiple of num_attention_heads \(heads)")
    }
    guard maxTokens >= 3, family == .mpnet || segments > 0 else {
      throw ModelError(
        .malformed,
        "\(path): max_position_embeddings \(positions) leaves no room for text, or type_vocab_size is not positive")
    }
  }
}

extension TextEncoderConfiguration {
  /// Keys of other encoders, with the value that is computed here.
  private static let fixedKeys = [
    FixedKey("hidden_act", .string("gelu")), FixedKey("position_embedding_type", .string("absolute")),
    FixedKey("is_decoder", .bool(false)), FixedKey("is_encoder_decoder", .bool(false)),
    FixedKey("add_cross_attention", .bool(false)), FixedKey("pruned_heads", .object([:])),
    FixedKey("quantization_config", .null), FixedKey("embedding_size", .null),
  ]

  private static let fixedBuckets = FixedKey("relative_attention_num_buckets", .number(Double(mpnetBuckets)))

  /// Keys that vectors do not depend on: how the model was trained, what heads it had, who wrote the file.
  private static let harmlessKeys: Set<String> = [
    "architectures", "transformers_version", "_name_or_path", "_commit_hash", "_attn_implementation",
    "_attn_implementation_autoset", "attention_probs_dropout_prob", "hidden_dropout_prob", "classifier_dropout",
    "initializer_range", "gradient_checkpointing", "bos_token_id", "eos_token_id", "pad_token_id", "cls_token_id",
    "sep_token_id", "use_cache", "dtype", "torch_dtype", "torchscript", "id2label", "label2id", "num_labels",
    "finetuning_task", "problem_type", "output_past", "directionality", "pooler_fc_size", "pooler_num_attention_heads",
    "pooler_num_fc_layers", "pooler_size_per_head", "pooler_type", "tie_word_embeddings", "chunk_size_feed_forward",
    "output_attentions", "output_hidden_states", "return_dict", "tokenizer_class", "model_max_length",
  ]

  /// BERT's files may say how many buckets MPNet has, which it does not.
  private static func harmlessKeys(of family: Family) -> Set<String> {
    family == .bert ? harmlessKeys.union([fixedBuckets.key]) : harmlessKeys
  }
}
