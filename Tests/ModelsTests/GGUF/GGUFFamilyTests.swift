// SPDX-License-Identifier: Apache-2.0

import Basics
import Foundation
import Kernels
import TestSupport
import Testing

@testable import Models

@Suite("A GGUF file of any family is the model that it was converted from")
struct GGUFFamilyTests {
  private let directory: TemporaryDirectory
  private let location: CheckpointLocation
  private let team = ComputeTeam(threads: 2)

  init() throws {
    directory = try TemporaryDirectory()
    location = CheckpointLocation(directory: directory.path)
  }

  /// - Parameter configuration: the `config.json` beside the file.
  private func files(_ builder: GGUFBuilder, beside configuration: String? = nil) throws -> LLMFiles {
    try? FileManager.default.removeItem(atPath: location.llm)
    try directory.write(builder.bytes(), to: "llm/model.gguf")
    if let configuration { try directory.write(configuration, to: "llm/config.json") }
    return try LLMFiles(of: location)
  }

  private func refusal(_ builder: GGUFBuilder, beside configuration: String? = nil) -> ModelError? {
    #expect(throws: ModelError.self) { try files(builder, beside: configuration) }
  }

  private func hidden(_ files: LLMFiles, _ precision: Precision = .float32) throws -> [Float] {
    let packer = try MatrixPacker(
      part: "llm", of: files.weights, LoadingOptions(precision: precision),
      digests: FileDigests(directory: nil, on: team), on: team)
    var loader = WeightLoader(
      files.weights, prefix: LlamaModel.prefix(in: files.weights), packer: packer, copies: true, on: team)
    let model = LlamaModel(files.shape, &loader, maxPositions: 64, team: team)
    try loader.finish(expectation: files.configuration)
    var plan = PrefillPlan([PrefillPlan.Member(length: DecoderGolden.rows)], positionsPerBlock: 4)
    let input = Activations(rows: plan.rowCount, width: DecoderGolden.width, values: DecoderGolden.inputs)
    return Array(model.lastHiddenStates(of: input, plan: &plan, isCancelled: { _ in false })[row: 0])
  }

  private func error(_ found: [Float], _ golden: DecoderGolden) -> Float {
    let largest = golden.hidden.map(abs).max() ?? 0
    return zip(found, golden.hidden).map { abs($0 - $1) / largest }.max() ?? .infinity
  }

  /// Of which a GGUF file does not say everything: how scores are scaled, and which layers have a window or no rotation.
  private static let incomplete: Set<String> = ["gemma2", "gemma3_text", "smollm3", "mistral", "qwen2"]
  /// No GGUF file says `truncate` and `mscale`.
  private static let lost = "llama yarn, not truncated"

  @Test(arguments: DecoderGolden.all.filter { $0.name != lost })
  func `Hidden states are those of transformers`(_ golden: DecoderGolden) throws {
    let conversion = try GGUFConversion(golden)
    let isIncomplete = Self.incomplete.contains(golden.name)
    let files = try files(conversion.builder, beside: isIncomplete ? golden.configuration : nil)
    #expect(files.shape.unknownKeys.keys.isEmpty)
    #expect(error(try hidden(files), golden) < 1e-5)
    #expect(error(try hidden(files, .bfloat16), golden) < 0.05)
  }

  @Test(arguments: DecoderGolden.all.filter { $0.name != lost })
  func `A config_json beside it that says the same is taken`(_ golden: DecoderGolden) throws {
    #expect(throws: Never.self) { try files(GGUFConversion(golden).builder, beside: golden.configuration) }
  }

  @Test(arguments: [
    ("gemma2", "query_pre_attn_scalar"), ("gemma3_text", "query_pre_attn_scalar"), ("smollm3", "no_rope_layers"),
  ])
  func `What a file leaves out is asked for`(name: String, key: String) throws {
    let golden = try #require(DecoderGolden.all.first { $0.name == name })
    let error = refusal(try GGUFConversion(golden).builder)
    #expect(error?.code == .unsupported)
    #expect(error?.message.contains(key) == true && error?.message.contains("config.json") == true)
  }

  @Test(arguments: [
    ("llama", #""rope_theta": 500000.0"#, #""rope_theta": 400000.0"#),
    ("gemma2", #""sliding_window": 5"#, #""sliding_window": 6"#),
    ("gemma2", #""attn_logit_softcapping": 2.0"#, #""attn_logit_softcapping": 3.0"#),
    ("gemma3_text", #""rope_theta": 10000.0"#, #""rope_theta": 20000.0"#),
    ("phi3", #""sliding_window": 5"#, #""sliding_window": null"#),
    ("llama llama3", #""factor": 8.0"#, #""factor": 4.0"#), ("llama yarn", #""factor": 4.0"#, #""factor": 5.0"#),
    ("phi3 longrope", "[1.0, 1.25]", "[1.0, 1.5]"), ("qwen3", #""model_type": "qwen3""#, #""model_type": "llama""#),
  ])
  func `A config_json beside it that says another thing is refused`(name: String, value: String, other: String) throws {
    let golden = try #require(DecoderGolden.all.first { $0.name == name })
    let configuration = golden.configuration.replacingOccurrences(of: "\n", with: " ")
    #expect(configuration.contains(value))
    let error = refusal(
      try GGUFConversion(golden).builder, beside: configuration.replacingOccurrences(of: value, with: other))
    #expect(error?.code == .malformed)
    #expect(error?.message.contains("config.json") == true)
  }

  @Test func `A file that lies apart is completed by the checkpoint's own config_json`() throws {
    let golden = try #require(DecoderGolden.all.first { $0.name == "gemma2" })
    let path = try directory.write(GGUFConversion(golden).builder.bytes(), to: "apart.gguf")
    let apart = CheckpointLocation(directory: directory.path, llmWeights: path)
    #expect(throws: ModelError.self) { try LLMFiles(of: apart) }
    let beside = try directory.write(golden.configuration, to: "llm/config.json")
    let files = try LLMFiles(of: apart)
    #expect(files.beside == beside)
    #expect(error(try hidden(files), golden) < 1e-5)
  }

  // MARK: - Published models

  /// Metadata without tensors.
  private func described(
    _ architecture: String, layers: Int, width: Int, heads: Int, headWidth: Int
  ) -> GGUFBuilder {
    var builder = GGUFBuilder()
    builder.set("general.architecture", architecture)
    for (key, value) in [
      ("block_count", layers), ("context_length", 8192), ("embedding_length", width), ("feed_forward_length", 256),
      ("attention.head_count", heads), ("attention.head_count_kv", heads), ("attention.key_length", headWidth),
      ("attention.value_length", headWidth), ("vocab_size", 256),
    ] { builder.set("\(architecture).\(key)", value) }
    builder.set("\(architecture).attention.layer_norm_rms_epsilon", Float(1e-6))
    builder.set("\(architecture).rope.freq_base", Float(1_000_000))
    builder.set("\(architecture).attention.sliding_window", 0)
    return builder
  }

  /// As their `config.json` have them: 256, but for the largest, whose heads are not of the width of their scale.
  @Test(
    arguments: [
      ("gemma2", 26, 2304, 8, 256, 256, 48), ("gemma2", 42, 3584, 16, 256, 256, 59.75),
      ("gemma2", 46, 4608, 32, 128, 144, 68),
      ("gemma3", 18, 640, 4, 256, 256, 25.25), ("gemma3", 26, 1152, 4, 256, 256, 34),
      ("gemma3", 34, 2560, 8, 256, 256, 50.5), ("gemma3", 48, 3840, 16, 256, 256, 62),
      ("gemma3", 62, 5376, 32, 128, 168, 73.5),
    ] as [(String, Int, Int, Int, Int, Double, Float)])
  func `The scales of the published Gemmas are known`(
    name: String, layers: Int, width: Int, heads: Int, headWidth: Int, scalar: Double, embedding: Float
  ) throws {
    var builder = described(name, layers: layers, width: width, heads: heads, headWidth: headWidth)
    builder.set("\(name).attention.sliding_window", 512)
    let decoder = try files(builder).shape.decoder
    #expect(decoder.queryScale == Float(1 / scalar.squareRoot()))
    #expect(decoder.embeddingScale == embedding)
    #expect(decoder.normsAddOne == false)
    let windows = (0..<12).map { decoder.layer($0).window != nil }
    #expect(windows == (0..<12).map { name == "gemma2" ? $0 % 2 == 0 : $0 % 6 != 5 })
    #expect(decoder.localRope?.base == (name == "gemma2" ? nil : 10_000))
    let other = described(name, layers: layers + 1, width: width, heads: heads, headWidth: headWidth)
    #expect(refusal(other)?.message.contains("query_pre_attn_scalar") == true)
  }

  @Test func `The published SmolLM3 does not rotate every fourth layer`() throws {
    let builder = described("smollm3", layers: 36, width: 2048, heads: 16, headWidth: 128)
    let decoder = try files(builder).shape.decoder
    #expect((0..<36).map { decoder.layer($0).rotation == .none } == (0..<36).map { $0 % 4 == 3 })
  }

  @Test func `Which layers have a window may be listed or counted`() throws {
    var builder = described("gemma3", layers: 18, width: 640, heads: 4, headWidth: 256)
    builder.set("gemma3.attention.sliding_window", 512)
    func windows() throws -> [Bool] { try files(builder).shape.decoder.layers.map { $0.window == 512 } }
    builder.set("gemma3.attention.sliding_window_pattern", 3)
    #expect(try windows() == (0..<18).map { $0 % 3 != 2 })
    builder.set("gemma3.attention.sliding_window_pattern", 0)
    #expect(try windows() == (0..<18).map { _ in true })
    let listed = (0..<18).map { $0 % 5 == 1 }
    builder.set("gemma3.attention.sliding_window_pattern", flags: listed)
    #expect(try windows() == listed)
    builder.set("gemma3.attention.sliding_window_pattern", flags: [true])
    #expect(refusal(builder)?.message.contains("sliding_window_pattern") == true)
    builder.set("gemma3.attention.sliding_window_pattern", "all")
    #expect(refusal(builder)?.message.contains("sliding_window_pattern") == true)
    // Without a window all see all, in the rotation of those that do.
    builder.values.removeAll { $0.key.hasPrefix("gemma3.attention.sliding_window") }
    let decoder = try files(builder).shape.decoder
    #expect(decoder.layers.allSatisfy { $0.window == nil && $0.rotation == .global })
  }

  @Test func `A Mistral is told by its window or its config_json, and the first one is not guessed`() throws {
    let golden = try #require(DecoderGolden.all.first { $0.name == "mistral" })
    var builder = try GGUFConversion(golden).builder
    #expect(try files(builder).shape.decoder.layers.isEmpty)
    #expect(try files(builder, beside: golden.configuration).shape.decoder.layer(0).window == 5)
    builder.set("llama.attention.sliding_window", 5)
    #expect(error(try hidden(files(builder)), golden) < 1e-5)
    builder.set("llama.attention.sliding_window", 0)
    #expect(refusal(builder, beside: golden.configuration)?.code == .malformed)

    var first = described("llama", layers: 32, width: 4096, heads: 32, headWidth: 128)
    first.set("llama.feed_forward_length", 14_336)
    first.set("llama.attention.head_count_kv", 8)
    first.set("llama.context_length", 32_768)
    first.set("llama.rope.freq_base", Float(10_000))
    #expect(try files(first).shape.decoder.layers.isEmpty)
    first.values.removeAll { $0.key.hasSuffix("sliding_window") }
    #expect(refusal(first)?.message.contains("Mistral 7B v0.1") == true)
    first.set("llama.rope.freq_base", Float(1_000_000))
    #expect(try files(first).shape.decoder.layers.isEmpty)
  }

  // MARK: - What is not computed

  @Test(arguments: [
    ("olmo2", "attention.sliding_window"), ("smollm3", "attention.sliding_window"),
    ("gemma3_text", "attn_logit_softcapping"), ("qwen2", "attention.sliding_window_pattern"),
    ("llama yarn", "rope.scaling.yarn_ext_factor"), ("llama yarn", "rope.scaling.yarn_log_multiplier"),
    ("llama yarn", "rope.scaling.attn_factor"), ("phi3", "rope.scaling.attn_factor"), ("gemma2", "rope.freq_base_swa"),
    ("qwen2", "expert_count"), ("phi3", "rope.dimension_count"),
  ])
  func `A key that is not computed is refused by its name`(name: String, key: String) throws {
    let golden = try #require(DecoderGolden.all.first { $0.name == name })
    let conversion = try GGUFConversion(golden)
    var builder = conversion.builder
    builder.set("\(conversion.architecture).\(key)", 7)
    let isIncomplete = Self.incomplete.contains(name)
    let error = refusal(builder, beside: isIncomplete ? golden.configuration : nil)
    #expect(error?.message.contains("\(key) is 7") == true)
  }

  @Test func `A window of Qwen is not guessed to be in every layer`() throws {
    let golden = try #require(DecoderGolden.all.first { $0.name == "qwen2" })
    var builder = try GGUFConversion(golden).builder
    #expect(try files(builder).shape.decoder.layers.allSatisfy { $0.window == nil })
    builder.set("qwen2.attention.sliding_window", 5)
    #expect(refusal(builder)?.message.contains("max_window_layers") == true)
    #expect(error(try hidden(files(builder, beside: golden.configuration)), golden) < 1e-5)
  }

  @Test(arguments: [
    ("phi3", "attention.sliding_window", "sliding_window"), ("gemma3_text", "rope.freq_base", "rope.freq_base"),
    ("smollm3", "rope.freq_base", "rope.freq_base"),
    ("phi3 longrope", "rope.scaling.original_context_length", "original_context_length"),
  ])
  func `A key that the family cannot do without is named`(name: String, key: String, named: String) throws {
    let golden = try #require(DecoderGolden.all.first { $0.name == name })
    let conversion = try GGUFConversion(golden)
    var builder = conversion.builder
    builder.values.removeAll { $0.key == "\(conversion.architecture).\(key)" }
    let isAsked = name == "phi3"
    #expect(refusal(builder, beside: isAsked ? nil : golden.configuration)?.message.contains(named) == true)
  }

  @Test(arguments: [
    ("qwen2", "blk.0.attn_output.bias"), ("phi3", "blk.0.attn_qkv.bias"), ("phi3", "blk.0.attn_q.weight"),
    ("qwen3", "blk.0.ffn_norm.bias"), ("olmo2", "blk.0.attn_norm.weight"), ("gemma2", "rope_freqs.weight"),
    ("qwen3", "cls.output.weight"), ("llama", "blk.0.attn_qkv.weight"),
  ])
  func `A tensor that the family does not have is refused by its name`(name: String, tensor: String) throws {
    let golden = try #require(DecoderGolden.all.first { $0.name == name })
    var builder = try GGUFConversion(golden).builder
    builder.add(tensor, [1, 16], 0, [UInt8](repeating: 0, count: 64))
    let error = refusal(builder, beside: golden.configuration)
    #expect(error?.code == .unsupported)
    #expect(error?.message.contains(tensor) == true)
  }

  @Test(arguments: ["short", "long"]) func `Half of the factors of a longrope is not taken for none`(
    side: String
  ) throws {
    let golden = try #require(DecoderGolden.all.first { $0.name == "phi3 longrope" })
    var builder = try GGUFConversion(golden).builder
    builder.tensors.removeAll { $0.name == "rope_factors_\(side).weight" }
    #expect(refusal(builder)?.message.contains("rope_factors_") == true)
  }

  @Test(arguments: ["block_count", "attention.head_count", "attention.key_length", "embedding_length"])
  func `Sizes that are none are refused`(key: String) throws {
    for value in [0, -1] as [Int32] {
      var builder = described("gemma3", layers: 18, width: 640, heads: 4, headWidth: 256)
      builder.set("gemma3.attention.sliding_window_pattern", flags: [Bool](repeating: true, count: 18))
      builder.add("blk.0.attn_norm.weight", [640], 0, [UInt8](repeating: 0, count: 640 * 4))
      builder.set("gemma3.\(key)", 5, value.littleEndianBytes)
      #expect(refusal(builder)?.message.contains("model.gguf") == true, "\(value)")
    }
  }

  @Test func `Half of the biases is not taken for none`() throws {
    let golden = try #require(DecoderGolden.all.first { $0.name == "llama llama3" })
    var builder = try GGUFConversion(golden).builder
    builder.tensors.removeAll { $0.name.hasPrefix("blk.0.") && $0.name.hasSuffix(".bias") }
    #expect(throws: ModelError.self) { try hidden(files(builder)) }
  }
}
