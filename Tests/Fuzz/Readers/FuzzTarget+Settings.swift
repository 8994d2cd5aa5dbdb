// SPDX-License-Identifier: Apache-2.0

@testable import Models

/// The JSON files of checkpoints that say what is computed.
extension FuzzTarget {
  static let settings: [String: FuzzTarget] = [
    "model_configuration": FuzzTarget(texts: modelSeeds) { bytes in
      FuzzedFile.with(bytes, named: "config.json") { folder in
        let path = folder + "/config.json"
        if let llama = taken({ try LlamaConfiguration(path: path) }) { check(llama) }
        if let tower = taken({ try VisionTowerConfiguration(path: path) }) { check(tower) }
        if let encoder = taken({ try TextEncoderConfiguration(path: path) }) { check(encoder) }
      }
    },
    "preprocessor": FuzzTarget(texts: preprocessorSeeds) { bytes in
      guard let read = taken({ try ImagePreprocessing(configuration: Array(bytes), name: "input") }) else { return }
      require((1...4096).contains(read.height) && (1...4096).contains(read.width), "images have a size")
      require((read.mean + read.std).allSatisfy(\.isFinite) && !read.std.contains(0), "images are numbers")
    },
    "adapter": FuzzTarget(texts: ["peft": adapterSeed]) { bytes in
      FuzzedFile.with(bytes, named: "adapter_config.json") { folder in
        guard let settings = taken({ try LoRASettings(peft: folder + "/adapter_config.json") }) else { return }
        for rank in [1, 8] {
          guard let scale = taken({ try settings.scale(of: "layers.0.self_attn.q_proj", rank: rank) }) else { continue }
          require(scale.isFinite, "a change counts a number of times")
        }
      }
    },
    "training_notes": FuzzTarget(texts: ["notes": notesSeed]) { bytes in
      guard let notes = Self.notes(bytes) else { return }
      let written = Array("{\(notes.members.dropFirst(2))}".utf8)
      written.withUnsafeBytes { written in
        guard let again = Self.notes(written) else { return require(false, "what was written is read") }
        require(again.members == notes.members, "and says the same")
      }
      guard let weights = taken({ try notes.weights(of: [.image, .cf, .text], path: "input") }) else { return }
      require(weights.map { abs($0.reduce(0, +) - 1) < 1e-3 } ?? true, "weights are 1 together")
    },
    "weight_index": FuzzTarget(texts: ["shard": #"{"metadata": {}, "weight_map": {"a": "a.safetensors"}}"#]) { bytes in
      FuzzedFile.with(bytes, named: "model.safetensors.index.json") { folder in
        _ = taken { try WeightFiles(directory: folder) }
      }
    },
  ]

  private static func notes(_ bytes: UnsafeRawBufferPointer) -> TrainingNotes? {
    var notes: TrainingNotes?
    FuzzedFile.with(bytes, named: "rec_module/config.json") { folder in
      notes = taken { try CheckpointLocation(directory: folder).trainingNotes() }
    }
    return notes
  }

  static func check(_ llama: LlamaConfiguration) {
    require(llama.heads % llama.keyValueHeads == 0 && llama.headWidth % 2 == 0, "heads share keys")
    require(llama.ropeBase.isFinite && llama.ropeScaling >= 1 && llama.normEpsilon.isFinite, "it can be computed")
    require((0...1_000_000_000).contains(llama.contextLength), "a context has a length")
  }

  private static func check(_ tower: VisionTowerConfiguration) {
    require(tower.patches > 0 && tower.width % tower.heads == 0 && tower.normEpsilon.isFinite, "it can be computed")
  }

  private static func check(_ encoder: TextEncoderConfiguration) {
    require(encoder.maxTokens >= 3 && encoder.width % encoder.heads == 0, "it can be computed")
    require(encoder.normEpsilon.isFinite, "it can be computed")
  }

  private static let modelSeeds = [
    "llama": """
    {"model_type": "llama", "hidden_size": 64, "intermediate_size": 128, "num_attention_heads": 4,
     "num_hidden_layers": 2, "num_key_value_heads": 2, "max_position_embeddings": 128, "rms_norm_eps": 1e-06,
     "vocab_size": 320, "rope_theta": 10000.0, "hidden_act": "silu", "rope_scaling": {"type": "linear", "factor": 2.0},
     "torch_dtype": "bfloat16", "model_max_length": 256}
    """,
    "clip": """
    {"model_type": "clip_vision_model", "hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 2,
     "num_hidden_layers": 2, "image_size": 32, "patch_size": 8, "layer_norm_eps": 1e-05, "hidden_act": "quick_gelu"}
    """,
    "dinov2": """
    {"model_type": "dinov2_with_registers", "hidden_size": 32, "mlp_ratio": 4, "num_attention_heads": 2,
     "num_hidden_layers": 2, "num_register_tokens": 4, "image_size": 28, "patch_size": 14, "hidden_act": "gelu"}
    """,
    "qwen3": """
    {"model_type": "qwen3", "hidden_size": 64, "intermediate_size": 128, "num_attention_heads": 4, "head_dim": 32,
     "num_hidden_layers": 2, "num_key_value_heads": 2, "max_position_embeddings": 128, "rms_norm_eps": 1e-06,
     "vocab_size": 320, "rope_parameters": {"rope_type": "default", "rope_theta": 1000000.0}, "sliding_window": null}
    """,
    "siglip": """
    {"model_type": "siglip", "vision_config": {"hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 2,
     "num_hidden_layers": 2, "image_size": 32, "patch_size": 8, "layer_norm_eps": 1e-06,
     "hidden_act": "gelu_pytorch_tanh"}}
    """,
    "bert": """
    {"model_type": "bert", "hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 2,
     "num_hidden_layers": 2, "max_position_embeddings": 64, "vocab_size": 100, "type_vocab_size": 2,
     "layer_norm_eps": 1e-12, "hidden_act": "gelu", "position_embedding_type": "absolute"}
    """,
  ]

  private static let preprocessorSeeds = [
    "siglip": """
    {"do_resize": true, "size": {"height": 32, "width": 32}, "resample": 3, "do_rescale": true,
     "rescale_factor": 0.00392156862745098, "do_normalize": true, "image_mean": [0.5, 0.5, 0.5],
     "image_std": [0.5, 0.5, 0.5], "image_processor_type": "SiglipImageProcessor", "do_convert_rgb": null}
    """,
    "clip": """
    {"do_resize": true, "size": {"shortest_edge": 32}, "resample": 2, "do_center_crop": true, "crop_size": 28,
     "do_rescale": true, "do_normalize": true, "image_mean": [0.4, 0.4, 0.5], "image_std": [0.3, 0.2, 0.3],
     "image_processor_type": "CLIPImageProcessor"}
    """,
  ]

  private static let adapterSeed = """
    {"peft_type": "LORA", "r": 8, "lora_alpha": 16, "use_rslora": false, "rank_pattern": {"q_proj": 1},
     "alpha_pattern": {"layers.0.self_attn.q_proj": 2}, "target_modules": ["q_proj"], "bias": "none"}
    """

  private static let notesSeed = """
    {"prompt_style": "image", "max_history_items": 10, "space_weights": {"img": 0.5, "cf": 0.25, "text": 0.25},
     "training_name": "a\\u00e9", "trained_at": "2026-01-01T00:00:00Z", "hidden": 3}
    """
}
