// SPDX-License-Identifier: Apache-2.0

import Kernels
import TestSupport
import Testing

@testable import Models

/// What configurations say and leave out, as the configurations of transformers 5 read it.
@Suite("A family's configuration is read as transformers reads it") struct DecoderFamilyTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func read(
    _ type: String, _ keys: String = "", width: Int = 32, context: Double? = nil
  ) throws(ModelError) -> LlamaConfiguration {
    let json = """
      {"model_type": "\(type)", "hidden_size": \(width), "intermediate_size": 56, "num_hidden_layers": 4,
       "num_attention_heads": 32\(keys.isEmpty ? "" : ", " + keys)}
      """
    guard let path = try? directory.write(Array(json.utf8), to: "config.json") else {
      throw ModelError(.unwritable, "the test's folder")
    }
    return try LlamaConfiguration(path: path, trainedContext: context)
  }

  private struct Defaults: Equatable {
    let keyValueHeads: Int
    let headWidth: Int
    let vocabulary: Int
    let contextLength: Int
    let epsilon: Float
    let base: Double
    let ties: Bool
  }

  @Test func `What a configuration leaves out is the family's own`() throws {
    let expected: [String: Defaults] = [
      "mistral": .init(
        keyValueHeads: 8, headWidth: 12, vocabulary: 32_000, contextLength: 131_072, epsilon: 1e-6, base: 1e4,
        ties: false),
      "qwen2": .init(
        keyValueHeads: 32, headWidth: 12, vocabulary: 151_936, contextLength: 32_768, epsilon: 1e-6, base: 1e4,
        ties: false),
      "qwen3": .init(
        keyValueHeads: 32, headWidth: 128, vocabulary: 151_936, contextLength: 32_768, epsilon: 1e-6, base: 1e4,
        ties: false),
      "gemma2": .init(
        keyValueHeads: 4, headWidth: 256, vocabulary: 256_000, contextLength: 8192, epsilon: 1e-6, base: 1e4,
        ties: true),
      "gemma3_text": .init(
        keyValueHeads: 4, headWidth: 256, vocabulary: 262_208, contextLength: 131_072, epsilon: 1e-6, base: 1e6,
        ties: true),
      "phi3": .init(
        keyValueHeads: 32, headWidth: 12, vocabulary: 32_064, contextLength: 4096, epsilon: 1e-5, base: 1e4,
        ties: false),
      "smollm3": .init(
        keyValueHeads: 4, headWidth: 12, vocabulary: 128_256, contextLength: 32_768, epsilon: 1e-6, base: 2e6,
        ties: true),
      "olmo2": .init(
        keyValueHeads: 32, headWidth: 12, vocabulary: 50_304, contextLength: 2048, epsilon: 1e-5, base: 1e4,
        ties: false),
    ]
    for (type, defaults) in expected {
      // A width of one element a head is odd, and refused: those that have no width of their own are given one.
      let read = try read(type, defaults.headWidth == 12 ? #""head_dim": 12"# : "")
      let found = Defaults(
        keyValueHeads: read.keyValueHeads, headWidth: read.headWidth, vocabulary: read.vocabulary,
        contextLength: read.contextLength, epsilon: read.normEpsilon, base: read.ropeBase, ties: read.tiesEmbeddings)
      #expect(found == defaults, "\(type)")
    }
  }

  @Test(arguments: [
    ("mistral", "", [4096, 4096, 4096, 4096]), ("mistral", #""sliding_window": null"#, [0, 0, 0, 0]),
    ("mistral", #""sliding_window": 7, "layer_types": ["sliding_attention"]"#, [7, 7, 7, 7]),
    ("qwen2", #""sliding_window": 9, "max_window_layers": 1"#, [0, 0, 0, 0]),
    ("qwen2", #""sliding_window": 9, "max_window_layers": 1, "use_sliding_window": true"#, [0, 9, 9, 9]),
    (
      "qwen3",
      #"""
      "sliding_window": 9, "use_sliding_window": true,
      "layer_types": ["full_attention", "sliding_attention", "full_attention", "full_attention"]
      """#,
      [0, 9, 0, 0]
    ),
    ("gemma2", "", [4096, 0, 4096, 0]),
    ("gemma3_text", #""sliding_window": 512, "sliding_window_pattern": 3"#, [512, 512, 0, 512]),
    ("gemma3_text", #""sliding_window": 512"#, [512, 512, 512, 512]), ("phi3", "", [0, 0, 0, 0]),
    ("phi3", #""sliding_window": 2047"#, [2047, 2047, 2047, 2047]),
    ("smollm3", #""sliding_window": 5"#, [0, 0, 0, 0]),
    ("smollm3", #""sliding_window": 5, "use_sliding_window": true"#, [0, 0, 0, 5]),
    ("olmo2", "", [0, 0, 0, 0]),
  ])
  func `Windows are those of the family's layers`(type: String, keys: String, windows: [Int]) throws {
    let width = keys.isEmpty ? #""head_dim": 12"# : keys + #", "head_dim": 12"#
    let decoder = try read(type, width).decoder
    #expect((0..<4).map { decoder.layer($0).window ?? 0 } == windows)
  }

  @Test func `Layers without RoPE are those that a zero stands for`() throws {
    let keys = #""head_dim": 12, "no_rope_layers": [1, 0, 0, 1]"#
    let listed = try read("smollm3", keys).decoder
    #expect((0..<4).map { listed.layer($0).rotation } == [.global, .none, .none, .global])
    let usual = try read("smollm3", #""head_dim": 12"#).decoder
    #expect((0..<4).map { usual.layer($0).rotation } == [.global, .global, .global, .none])
  }

  /// Before version 5, `rope_theta` and `rope_scaling` were of the layers without a window.
  @Test func `Gemma 3's two RoPEs are read in both spellings`() throws {
    let old = try read(
      "gemma3_text",
      #"""
      "rope_theta": 1000000.0, "rope_local_base_freq": 20000.0, "rope_scaling": {"rope_type": "linear", "factor": 8.0}
      """#)
    let new = try read(
      "gemma3_text",
      #"""
      "rope_parameters": {"full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1000000.0},
        "sliding_attention": {"rope_type": "default", "rope_theta": 20000.0}}
      """#)
    #expect(old.decoder == new.decoder)
    #expect([old.ropeBase, old.ropeScaling] == [1_000_000, 8] && [new.ropeBase, new.ropeScaling] == [1_000_000, 8])
    #expect(old.decoder.localRope == .init(base: 20_000, scaling: 1, scheme: .plain))
  }

  @Test func `Gemma's embeddings are scaled by a number of the file's type`() throws {
    // The root of 3,072 is 55.4256, which bfloat16 has no number for.
    let keys = { (type: String) in #""query_pre_attn_scalar": 144, "dtype": "\#(type)""# }
    #expect(try read("gemma2", keys("float32"), width: 3072).decoder.embeddingScale == Float(3072).squareRoot())
    #expect(try read("gemma2", keys("bfloat16"), width: 3072).decoder.embeddingScale == 55.5)
    #expect(try read("gemma3_text", keys("bfloat16"), width: 3072).decoder.queryScale == 1 / 12)
  }

  @Test func `Sequences end where their positions would be others`() throws {
    let dynamic =
      #""rope_scaling": {"type": "dynamic", "factor": 2.0}, "max_position_embeddings": 2048, "head_dim": 4"#
    #expect(try read("llama", dynamic).decoder.positionLimit == 2048)
    let longrope = #"""
      "head_dim": 8, "partial_rotary_factor": 0.5, "max_position_embeddings": 131072,
      "original_max_position_embeddings": 1024,
      "rope_scaling": {"type": "longrope", "short_factor": [1.0, 2.0], "long_factor": [4.0, 8.0]}
      """#
    let phi = try read("phi3", longrope).decoder
    #expect(phi.positionLimit == 1024)
    // The root of 1 + ln(128) / ln(1024).
    #expect(abs(phi.ropeScheme.magnitude - Float(1.7).squareRoot()) < 1e-6)
    #expect(try read("llama", #""head_dim": 4"#).decoder.positionLimit == nil)
  }

  /// The configuration of transformers has 4,096 beside the RoPE's object where the file has nothing there, and that counts.
  @Test func `Positions within a longrope that the model does not go by are refused`() throws {
    let keys = { (positions: Int) in
      #"""
      "head_dim": 8, "partial_rotary_factor": 0.5, "max_position_embeddings": 131072,
      "rope_parameters": {"rope_type": "longrope", "short_factor": [1.0, 2.0], "long_factor": [4.0, 8.0],
        "original_max_position_embeddings": \#(positions)}
      """#
    }
    let error = #expect(throws: ModelError.self) { try read("phi3", keys(2048)) }
    #expect(error?.message.contains("original_max_position_embeddings is 4096.0 and 2048.0") == true)
    #expect(try read("phi3", keys(4096)).decoder.positionLimit == 4096)
  }

  @Test(arguments: [
    ("gemma3", "", "model_type"), ("mixtral", "", "\"mistral\", \"qwen2\""),
    ("mistral", #""attention_bias": true"#, "attention_bias"),
    ("qwen2", #""mlp_bias": true"#, "mlp_bias"), ("qwen3", #""layer_types": ["chunked_attention"]"#, "layer_types"),
    (
      "qwen2", #""layer_types": ["full_attention", "sliding_attention", "full_attention", "full_attention"]"#,
      "no sliding_window"
    ),
    ("gemma2", #""use_bidirectional_attention": true"#, "use_bidirectional_attention"),
    ("gemma2", #""hidden_activation": "gelu""#, "hidden_activation"),
    ("gemma2", #""sliding_window_size": 9"#, "sliding_window_size"),
    ("gemma3_text", #""attn_logit_softcapping": 50.0"#, "attn_logit_softcapping"),
    ("gemma3_text", #""rope_parameters": {"rope_type": "default", "rope_theta": 1.0}"#, "rope_parameters.rope_t"),
    ("phi3", #""rope_scaling": {"type": "su", "factor": 2.0}"#, "\"su\""),
    ("phi3", #""rope_scaling": {"type": "linear", "factor": 2.0}"#, "\"linear\""),
    ("smollm3", #""no_rope_layers": [1, 1]"#, "no_rope_layers"),
    ("olmo2", #""layer_types": ["sliding_attention"]"#, "layer_types"), ("olmo2", #""clip_qkv": 8.0"#, "clip_qkv"),
    ("llama", #""query_pre_attn_scalar": 256"#, "query_pre_attn_scalar"),
  ])
  func `What a family does not compute is refused by its key`(type: String, keys: String, mention: String) {
    let width = keys.isEmpty ? #""head_dim": 12"# : keys + #", "head_dim": 12"#
    let error = #expect(throws: ModelError.self) { try read(type, width) }
    #expect(error?.code == .unsupported)
    #expect(error?.message.contains(mention) == true)
  }

  @Test func `A context beyond Gemma 3's positions is refused, as nothing says how its two RoPEs would reach it`() {
    let error = #expect(throws: ModelError.self) {
      try read("gemma3_text", #""max_position_embeddings": 1024"#, context: 4096)
    }
    #expect(error?.message.contains("model_max_length") == true)
  }
}
