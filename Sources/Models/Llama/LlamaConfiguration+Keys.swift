// SPDX-License-Identifier: Apache-2.0

import Basics
import Kernels

extension LlamaConfiguration {
  /// Keys of some decoders, with the value that stands for one that knows nothing of it.
  private static let fixedKeys = [
    FixedKey("partial_rotary_factor", .number(1)), FixedKey("rope_interleaved", .bool(false)),
    FixedKey("sliding_window", .null), FixedKey("use_sliding_window", .bool(false)), FixedKey("alibi", .bool(false)),
    FixedKey("attn_logit_softcapping", .null), FixedKey("final_logit_softcapping", .null), FixedKey("clip_qkv", .null),
    FixedKey("attention_multiplier", .null), FixedKey("query_pre_attn_scalar", .null),
    FixedKey("embedding_multiplier", .number(1)), FixedKey("residual_multiplier", .number(1)),
    FixedKey("logits_scaling", .number(1)), FixedKey("logit_scale", .number(1)), FixedKey("use_qk_norm", .bool(false)),
    FixedKey("qk_norm", .bool(false)), FixedKey("qk_layernorm", .bool(false)),
    FixedKey("hidden_activation", .string("silu"), .string("swish")), FixedKey("no_rope_layers", .array([])),
    FixedKey("use_parallel_residual", .bool(false)), FixedKey("parallel_attn", .bool(false)),
    FixedKey("attn_temperature_tuning", .bool(false)), FixedKey("is_encoder_decoder", .bool(false)),
    FixedKey("add_cross_attention", .bool(false)), FixedKey("pruned_heads", .object([:])),
    FixedKey("compression_config", .null), FixedKey("attention_bias", .bool(false)), FixedKey("mlp_bias", .bool(false)),
    FixedKey("use_bidirectional_attention", .bool(false)), FixedKey("is_causal", .bool(true)),
    FixedKey("per_layer_config", .null, .object([:]), .array([])),
  ]

  /// Keys that hidden states do not depend on: how the model was trained, how text is sampled from it, who wrote the file.
  private static let harmlessKeys: Set<String> = [
    "architectures", "transformers_version", "_name_or_path", "name_or_path", "_commit_hash", "_attn_implementation",
    "_attn_implementation_autoset", "_flash_attn_2_enabled", "attn_implementation", "use_cache", "use_flash_attention",
    "use_flash_attn", "cache_implementation", "initializer_range", "attention_dropout", "hidden_dropout",
    "hidden_dropout_prob", "attention_probs_dropout_prob", "resid_pdrop", "embd_pdrop", "residual_dropout",
    "embedding_dropout", "pretraining_tp", "base_model_tp_plan", "base_model_pp_plan", "bos_token_id", "eos_token_id",
    "pad_token_id", "sep_token_id", "decoder_start_token_id", "forced_bos_token_id", "forced_eos_token_id",
    "return_dict", "return_dict_in_generate", "output_hidden_states", "output_attentions", "output_scores",
    "torchscript",
    "use_bfloat16", "tf_legacy_loss", "tie_encoder_decoder", "cross_attention_hidden_size", "chunk_size_feed_forward",
    "is_decoder", "finetuning_task", "id2label", "label2id", "num_labels", "tokenizer_class", "processor_class",
    "prefix", "task_specific_params", "problem_type", "xla_device", "max_length", "min_length", "do_sample",
    "early_stopping", "num_beams", "num_beam_groups", "diversity_penalty", "temperature", "top_k", "top_p", "typical_p",
    "repetition_penalty", "length_penalty", "no_repeat_ngram_size", "encoder_no_repeat_ngram_size", "bad_words_ids",
    "num_return_sequences", "exponential_decay_length_penalty", "suppress_tokens", "begin_suppress_tokens",
    "remove_invalid_values", "tokenizer_model_max_length", "tokenizer_padding_side", "unsloth_version",
    "unsloth_fixed", "max_sequence_length", "gradient_checkpointing",
    // Written beside layer_types, which counts.
    "_sliding_window_pattern",
  ]

  static func refuseQuantized(_ keys: inout ConfigurationKeys) throws(ModelError) {
    if keys.value("quantization_config") != nil {
      throw keys.refusal(
        of: "quantization_config",
        "give the weights as they were before, in F32, F16 or BF16; int8 is made of them here")
    }
  }

  /// Throws for keys of other families that would change the answer. Call it once the family has read its own.
  static func refuseOthers(_ keys: inout ConfigurationKeys, _ decoder: DecoderDescription) throws(ModelError) {
    if !keys.hasRead("layer_types"), let types = keys.value("layer_types") {
      let all = decoder.layer(0).window == nil ? "full_attention" : "sliding_attention"
      guard types.array?.allSatisfy({ $0 == .string(all) }) == true else {
        throw keys.refusal(of: "layer_types", "only \"\(all)\" is computed")
      }
    }
    for fixed in fixedKeys where !keys.hasRead(fixed.key) { try keys.require(fixed) }
  }

  static func unknown(_ keys: ConfigurationKeys, _ ropeKeys: [String]) -> UnknownKeys {
    UnknownKeys(path: keys.path, keys: keys.unknown(besides: harmlessKeys) + ropeKeys)
  }

  /// The type that the model was made in: `dtype`, or `torch_dtype` as transformers before version 5 calls it.
  static func precision(_ keys: inout ConfigurationKeys) throws(ModelError) -> RotaryTable.Precision {
    let (new, old) = (try keys.text("dtype"), try keys.text("torch_dtype"))
    let name = new ?? old
    switch name.map({ $0.hasPrefix("torch.") ? String($0.dropFirst("torch.".count)) : $0 }) {
    case nil, "float32", "float64", "auto": return .float32
    case "bfloat16": return .bfloat16
    case "float16": return .float16
    default:
      throw keys.refusal(of: new == nil ? "torch_dtype" : "dtype", "float32, float16 and bfloat16 are computed")
    }
  }
}
