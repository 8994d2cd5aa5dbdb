// SPDX-License-Identifier: Apache-2.0

import Basics

/// The shape of a SigLIP vision tower, from its `config.json`.
///
/// Dimension letters of this module: B images, P patches of an image, C channels, D width, H heads, F feed-forward width.
package struct SiglipConfiguration: Sendable, Equatable {
  /// How the feed-forward bends.
  package enum Activation: String, Sendable {
    case tanhGELU = "gelu_pytorch_tanh"
    case exactGELU = "gelu"
  }

  /// D.
  package let width: Int
  /// F.
  package let feedForwardWidth: Int
  package let layers: Int
  /// H.
  package let heads: Int
  /// C.
  package let channels: Int
  /// Height and width of an image.
  package let imageSize: Int
  /// Height and width of a patch.
  package let patchSize: Int
  package let normEpsilon: Float
  package let activation: Activation

  /// P.
  package var patches: Int { (imageSize / patchSize) * (imageSize / patchSize) }

  /// Keys of the file that nothing is known of.
  package let unknownKeys: UnknownKeys

  /// - Parameter path: a vision model's `config.json`, or a two-tower model's with its `vision_config`; with the defaults of
  ///   Hugging Face's `SiglipVisionConfig` where it leaves a value out.
  package init(path: String) throws(ModelError) {
    var whole = try ConfigurationKeys(path: path)
    let type = try whole.text("model_type")
    let inner = try whole.object("vision_config")
    var keys = inner ?? whole
    guard ["siglip_vision_model", "siglip"].contains(try keys.text("model_type") ?? type ?? "siglip") else {
      throw (keys.has("model_type") ? keys : whole).refusal(
        of: "model_type", "only \"siglip_vision_model\" is computed")
    }
    activation = try Self.activation(&keys)
    for fixed in Self.fixedKeys { try keys.require(fixed) }
    width = try keys.integer("hidden_size") ?? 768
    feedForwardWidth = try keys.integer("intermediate_size") ?? 3072
    layers = try keys.integer("num_hidden_layers") ?? 12
    heads = try keys.integer("num_attention_heads") ?? 12
    channels = try keys.integer("num_channels") ?? 3
    imageSize = try keys.integer("image_size") ?? 224
    patchSize = try keys.integer("patch_size") ?? 16
    normEpsilon = Float(try keys.number("layer_norm_eps") ?? 1e-6)
    let outer = inner == nil ? [] : whole.unknown(besides: Self.harmlessKeys)
    unknownKeys = UnknownKeys(path: path, keys: outer + keys.unknown(besides: Self.harmlessKeys))
    try check(path)
  }

  private static func activation(_ keys: inout ConfigurationKeys) throws(ModelError) -> Activation {
    guard let name = try keys.text("hidden_act") else { return .tanhGELU }
    guard let activation = Activation(rawValue: name) else {
      throw keys.refusal(of: "hidden_act", "only gelu_pytorch_tanh and gelu are computed")
    }
    return activation
  }

  private func check(_ path: String) throws(ModelError) {
    let sizes = [width, feedForwardWidth, layers, heads, channels, imageSize, patchSize]
    guard sizes.allSatisfy({ (1...1 << 20).contains($0) }) else {
      throw ModelError(.malformed, "\(path): a size is zero, negative or beyond 2^20: \(sizes)")
    }
    guard width % heads == 0, patchSize <= imageSize, channels == 3 else {
      throw ModelError(
        .malformed,
        "\(path): hidden_size \(width) must be a multiple of \(heads) heads, patch_size \(patchSize) at most image_size "
          + "\(imageSize), and num_channels 3")
    }
  }
}

extension SiglipConfiguration {
  /// Keys of other towers, with the value that stands for a SigLIP whose images have one size.
  private static let fixedKeys = [
    FixedKey("vision_use_head", .bool(true)), FixedKey("num_patches", .null), FixedKey("quantization_config", .null),
    FixedKey("qkv_bias", .bool(true)), FixedKey("use_mean_pooling", .bool(false)),
    FixedKey("pruned_heads", .object([:])),
  ]

  /// Keys that embeddings do not depend on: how the tower was trained, the text tower beside it, who wrote the file.
  private static let harmlessKeys: Set<String> = [
    "architectures", "transformers_version", "torch_dtype", "dtype", "_name_or_path", "name_or_path", "_commit_hash",
    "_attn_implementation", "_attn_implementation_autoset", "attn_implementation", "attention_dropout",
    "initializer_range", "initializer_factor", "logit_scale_init_value", "projection_dim", "projection_size",
    "text_config", "vision_config", "text_config_dict", "vision_config_dict", "return_dict", "output_hidden_states",
    "output_attentions", "torchscript", "use_bfloat16", "tf_legacy_loss", "tie_encoder_decoder", "tie_word_embeddings",
    "cross_attention_hidden_size", "chunk_size_feed_forward", "is_decoder", "is_encoder_decoder", "add_cross_attention",
    "finetuning_task", "id2label", "label2id", "num_labels", "tokenizer_class", "processor_class", "prefix",
    "task_specific_params", "problem_type", "bos_token_id", "eos_token_id", "pad_token_id", "sep_token_id",
    "decoder_start_token_id", "max_length", "min_length", "do_sample", "early_stopping", "num_beams", "num_beam_groups",
    "diversity_penalty", "temperature", "top_k", "top_p", "typical_p", "repetition_penalty", "length_penalty",
    "no_repeat_ngram_size", "encoder_no_repeat_ngram_size", "bad_words_ids", "num_return_sequences", "output_scores",
    "return_dict_in_generate", "forced_bos_token_id", "forced_eos_token_id", "remove_invalid_values",
    "exponential_decay_length_penalty", "suppress_tokens", "begin_suppress_tokens", "use_cache",
  ]
}
