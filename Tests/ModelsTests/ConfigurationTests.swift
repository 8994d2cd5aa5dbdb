// SPDX-License-Identifier: Apache-2.0

import Foundation
import Kernels
import Synchronization
import TestSupport
import Testing

@testable import Models

/// What `config.json` says in one spelling or the other is computed, or refused by the name of the key.
@Suite("Every key of a configuration is read, refused or told") struct ConfigurationTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func llama(_ keys: String, context: Double? = nil) throws(ModelError) -> LlamaConfiguration {
    let json = """
      {"model_type": "llama", "hidden_size": 32, "intermediate_size": 56, "num_hidden_layers": 2,
       "num_attention_heads": 4, "max_position_embeddings": 2048\(keys.isEmpty ? "" : ", " + keys)}
      """
    guard let path = try? directory.write(Array(json.utf8), to: "config.json") else {
      throw ModelError(.unwritable, "the test's folder")
    }
    return try LlamaConfiguration(path: path, trainedContext: context)
  }

  /// Of transformers: 4 writes `rope_theta` and `rope_scaling`, 5 `rope_parameters`.
  @Test(arguments: [
    (#""rope_theta": 500000.0, "rope_scaling": null"#, 500_000, 1.0),
    (#""rope_parameters": {"rope_theta": 500000.0, "rope_type": "default"}"#, 500_000, 1),
    (#""rope_parameters": {"rope_theta": 250000, "rope_type": "linear", "factor": 4}"#, 250_000, 4),
    (#""rope_theta": 300000, "rope_parameters": {"rope_type": "default"}"#, 300_000, 1),
    (#""rope_parameters": {"rope_theta": 70000}"#, 70_000, 1),
    (#""rope_scaling": {"type": "linear", "factor": 2.0}"#, 10_000, 2),
    (#""rope_scaling": {"rope_type": "linear", "type": "linear", "factor": 2.0}"#, 10_000, 2),
    (#""rope_parameters": {"rope_theta": 10000.0, "type": "linear", "factor": 2.0}"#, 10_000, 2),
    ("", 10_000, 1),
  ])
  func `Both spellings of RoPE's settings are read`(keys: String, base: Double, scaling: Double) throws {
    let read = try llama(keys)
    #expect(read.ropeBase == base)
    #expect(read.ropeScaling == scaling)
    #expect(read.unknownKeys.keys.isEmpty)
  }

  /// Python's json keeps the last of the two, and Foundation the first.
  @Test(arguments: [
    #""rope_theta": 500000.0, "rope_theta": 10000.0"#, #""rope_scaling": {"type": "linear", "factor": 2, "factor": 4}"#,
  ])
  func `A key that stands twice is refused by its name`(keys: String) {
    let error = #expect(throws: ModelError.self) { try llama(keys) }
    #expect(error?.code == .malformed)
    #expect(error?.message.contains("twice") == true)
  }

  @Test func `The context of the training overrules either spelling`() throws {
    let keys = #""rope_parameters": {"rope_theta": 10000.0, "rope_type": "linear", "factor": 4.0}"#
    #expect(try llama(keys, context: 4096).ropeScaling == 2)
  }

  @Test(arguments: ["longrope", "su", "mrope", "proportional"])
  func `RoPE of a type that is not computed is refused by its name`(type: String) {
    for key in ["rope_scaling", "rope_parameters"] {
      for name in ["type", "rope_type"] {
        let error = #expect(throws: ModelError.self) {
          try llama(#""\#(key)": {"\#(name)": "\#(type)", "factor": 8.0, "low_freq_factor": 1.0}"#)
        }
        #expect(error?.code == .unsupported)
        #expect(error?.message.contains("\"\(type)\"") == true)
      }
    }
  }

  @Test(arguments: [
    (#""rope_theta": 10000, "rope_parameters": {"rope_theta": 500000}"#, ModelError.Code.malformed, "500000"),
    (#""rope_scaling": {"type": "linear", "rope_type": "default", "factor": 2}"#, .malformed, "rope_type"),
    (#""rope_scaling": {"factor": 2.0}"#, .unsupported, "rope_scaling.factor"),
    (#""rope_scaling": {"type": "linear"}"#, .malformed, "factor"),
    (#""rope_scaling": "linear""#, .malformed, "rope_scaling"),
    (#""rope_parameters": {"full_attention": {"rope_theta": 1}}"#, .unsupported, "full_attention"),
    (#""rope_parameters": {"partial_rotary_factor": 0.5}"#, .unsupported, "rope_parameters.partial_rotary_factor"),
    (#""partial_rotary_factor": 0.5"#, .unsupported, "partial_rotary_factor"),
    (#""rope_theta": NaN"#, .malformed, "rope_theta"), (#""sliding_window": 4096"#, .unsupported, "sliding_window"),
    (#""quantization_config": {"quant_method": "gptq"}"#, .unsupported, "gptq"),
    (#""layer_types": ["full_attention", "sliding_attention"]"#, .unsupported, "sliding_attention"),
    (#""attn_logit_softcapping": 50.0"#, .unsupported, "attn_logit_softcapping"),
    (#""qk_norm": true"#, .unsupported, "qk_norm"), (#""dtype": "float8_e4m3fn""#, .unsupported, "float8_e4m3fn"),
    (#""is_causal": false"#, .unsupported, "is_causal"),
    (#""per_layer_config": {"0": {"sliding_window": 4}}"#, .unsupported, "per_layer_config"),
    (#""torch_dtype": "int8""#, .unsupported, "torch_dtype"), (#""hidden_act": "gelu""#, .unsupported, "gelu"),
    (#""num_key_value_heads": 2.5"#, .malformed, "num_key_value_heads"),
  ])
  func `What would give another answer is refused by its key`(keys: String, code: ModelError.Code, mention: String) {
    let error = #expect(throws: ModelError.self) { try llama(keys) }
    #expect(error?.code == code)
    #expect(error?.message.contains(mention) == true)
  }

  @Test(arguments: [
    (#""torch_dtype": "bfloat16""#, RotaryTable.Precision.bfloat16), (#""dtype": "bfloat16""#, .bfloat16),
    (#""dtype": "float16", "torch_dtype": "float32""#, .float16), (#""torch_dtype": "torch.float16""#, .float16),
    (#""dtype": "float32""#, .float32), ("", .float32),
  ])
  func `The type that a model was made in has two names`(keys: String, precision: RotaryTable.Precision) throws {
    #expect(try llama(keys).ropePrecision == precision)
  }

  /// Python's `json` writes NaN and Infinity, and editors a byte order mark.
  @Test func `What Python and editors write is read`() throws {
    let json = """
      \u{FEFF}{"model_type": "llama", "hidden_size": 32.0, "intermediate_size": 56, "num_hidden_layers": 2,
       "num_attention_heads": 4, "top_p": NaN, "temperature": Infinity, "length_penalty": -Infinity}
      """
    let path = try directory.write(Array(json.utf8), to: "config.json")
    #expect(try LlamaConfiguration(path: path).width == 32)
  }

  @Test func `Keys of which nothing is known are told at load, and harmless ones are not`() throws {
    let (copy, location) = try SyntheticModels.copy()
    defer { withExtendedLifetime(copy) {} }
    try SyntheticModels.rewriteJSON(
      location.llm + "/config.json",
      ["attention_sinks": 4, "use_cache": true, "rope_parameters": ["rope_theta": 10000.0, "beta_slow": 1]])
    try SyntheticModels.rewriteJSON(location.visionTower + "/config.json", ["register_tokens": 4])
    try SyntheticModels.rewriteJSON(
      location.visionTower + "/preprocessor_config.json", ["sharpen": true, "do_convert_rgb": true])
    let warnings = Recorder<String>()
    var loading = LoadingOptions()
    loading.report = { if case .warning(let text) = $0 { warnings.note(text) } }
    _ = try FrozenLLM(checkpoint: location, configuration: .init(threads: 1, loading: loading))
    _ = try FrozenTower(checkpoint: location, threads: 1, loading: loading)
    let told = warnings.values
    #expect(told.count == 3)
    let llm = "llm/config.json: nothing is known here of attention_sinks, rope_parameters.beta_slow,"
    #expect(told.first?.contains(llm) == true)
    #expect(told.contains { $0.contains("vision_tower/config.json: nothing is known here of register_tokens,") })
    #expect(told.contains { $0.contains("preprocessor_config.json: nothing is known here of sharpen,") })
  }

  @Test(arguments: [
    (#""model_type": "siglip2_vision_model""#, "siglip2_vision_model"),
    (#""vision_use_head": false"#, "vision_use_head"),
    (#""num_patches": 256"#, "num_patches"), (#""hidden_act": "quick_gelu""#, "quick_gelu"),
    (#""vision_config": {"model_type": "blip_vision_model"}"#, "blip_vision_model"),
  ])
  func `Towers of another kind are refused by their key`(keys: String, mention: String) throws {
    let path = try directory.write(Array("{\(keys)}".utf8), to: "config.json")
    let error = #expect(throws: ModelError.self) { try VisionTowerConfiguration(path: path) }
    #expect(error?.code == .unsupported)
    #expect(error?.message.contains(mention) == true)
  }

  @Test(arguments: [
    (#""do_center_crop": true"#, "do_center_crop"), (#""do_pad": true"#, "do_pad"),
    (#""image_processor_type": "LlavaNextImageProcessor""#, "LlavaNextImageProcessor"),
    (#""feature_extractor_type": "BeitFeatureExtractor""#, "BeitFeatureExtractor"),
    (#""size": {"shortest_edge": 8}"#, "shortest_edge"), (#""size": 8"#, "size is 8"),
    (#""size": {"height": 8, "width": 8, "longest_edge": 9}"#, "longest_edge"),
    (#""do_normalize": null"#, "do_normalize"), (#""data_format": "channels_last""#, "channels_last"),
  ])
  func `Preparations of another kind are refused by their key`(keys: String, mention: String) {
    let size = keys.contains(#""size""#) ? "" : #", "size": {"height": 8, "width": 8}"#
    let error = #expect(throws: ModelError.self) {
      try ImagePreprocessing(configuration: Array("{\(keys)\(size)}".utf8), name: "preprocessor_config.json")
    }
    #expect(error?.code == .unsupported)
    #expect(error?.message.contains(mention) == true)
  }
}
