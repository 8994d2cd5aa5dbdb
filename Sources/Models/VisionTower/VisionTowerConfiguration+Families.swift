// SPDX-License-Identifier: Apache-2.0

import Basics

extension VisionTowerConfiguration.Family {
  /// The family of a `model_type`; a file without one is SigLIP's, as the published code has it.
  init(modelType: String?, _ keys: ConfigurationKeys) throws(ModelError) {
    switch modelType ?? "siglip" {
    case "siglip", "siglip_vision_model": self = .siglip
    case "clip", "clip_vision_model": self = .clip
    case "dinov2": self = .dinov2
    case "dinov2_with_registers": self = .dinov2WithRegisters
    case "vit": self = .vit
    case "siglip2", "siglip2_vision_model":
      throw keys.refusal(
        of: "model_type",
        "this is NaFlex, which takes images of any aspect ratio; of SigLIP 2, the checkpoints with one image size are computed, "
          + "whose model_type is \"siglip\"")
    default:
      throw keys.refusal(
        of: "model_type",
        "the towers that are computed are siglip (and siglip_vision_model), clip (and clip_vision_model), dinov2, "
          + "dinov2_with_registers and vit")
    }
  }

  /// As people write it.
  package var title: String {
    switch self {
    case .siglip: "SigLIP"
    case .clip: "CLIP"
    case .dinov2: "DINOv2"
    case .dinov2WithRegisters: "DINOv2 with registers"
    case .vit: "ViT"
    }
  }

  var isDINOv2: Bool { self == .dinov2 || self == .dinov2WithRegisters }
  /// Whether a learned token reads the patches along with them; SigLIP has a head that reads them at the end.
  var hasClassToken: Bool { self != .siglip }
  /// Whether what the layers add is scaled channel by channel.
  var hasLayerScale: Bool { isDINOv2 }
  var hasPatchBias: Bool { self != .clip }
  /// Whether tokens are normalised before the first layer.
  var hasPreNorm: Bool { self == .clip }

  /// The image processor of a checkpoint whose file does not name one, as in Hugging Face's `AutoImageProcessor`.
  var imageProcessor: ImageProcessor {
    switch self {
    case .siglip: .siglip
    case .clip: .clip
    case .dinov2, .dinov2WithRegisters: .bit
    case .vit: .vit
    }
  }

  // MARK: - Configuration

  /// Values of keys that a file leaves out.
  struct Defaults {
    let activation: VisionTowerConfiguration.Activation
    /// Nil where versions of transformers do not agree.
    let patchSize: Int?
    let normEpsilon: Double
  }

  var defaults: Defaults {
    switch self {
    case .siglip: Defaults(activation: .tanhGELU, patchSize: 16, normEpsilon: 1e-6)
    case .clip: Defaults(activation: .quickGELU, patchSize: 32, normEpsilon: 1e-5)
    case .dinov2, .dinov2WithRegisters: Defaults(activation: .exactGELU, patchSize: nil, normEpsilon: 1e-6)
    case .vit: Defaults(activation: .exactGELU, patchSize: 16, normEpsilon: 1e-12)
    }
  }

  /// SigLIP's own two, and every one elsewhere.
  var activations: [VisionTowerConfiguration.Activation] {
    self == .siglip ? [.tanhGELU, .exactGELU] : [.tanhGELU, .exactGELU, .quickGELU]
  }

  /// Keys that other towers have, with the value that is computed.
  var fixedKeys: [FixedKey] {
    let common = [
      FixedKey("quantization_config", .null), FixedKey("pruned_heads", .object([:])), FixedKey("qkv_bias", .bool(true)),
    ]
    switch self {
    case .siglip:
      return common + [
        FixedKey("vision_use_head", .bool(true)), FixedKey("num_patches", .null),
        FixedKey("use_mean_pooling", .bool(false)),
      ]
    case .clip: return common
    case .dinov2, .dinov2WithRegisters: return common + [FixedKey("use_swiglu_ffn", .bool(false))]
    case .vit: return common + [FixedKey("pooler_act", .string("tanh"))]
    }
  }
}

extension VisionTowerConfiguration {
  /// Keys that embeddings do not depend on: how the tower was trained, the text tower beside it, who wrote the file.
  static let harmlessKeys: Set<String> = [
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
    "exponential_decay_length_penalty", "suppress_tokens", "begin_suppress_tokens", "use_cache", "dropout",
    // Of DINOv2 and ViT: while training, as a backbone for other models, for masked images.
    "hidden_dropout_prob", "attention_probs_dropout_prob", "drop_path_rate", "layerscale_value", "out_features",
    "out_indices", "stage_names", "apply_layernorm", "reshape_hidden_states", "use_mask_token", "encoder_stride",
    "pooler_output_size",
  ]
}
