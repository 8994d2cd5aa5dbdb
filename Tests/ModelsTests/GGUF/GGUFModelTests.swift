// SPDX-License-Identifier: Apache-2.0

import Foundation
import Kernels
import TestSupport
import Testing

@testable import Models

@Suite("A GGUF file is the frozen LLM that it was converted from")
struct GGUFModelTests {
  private let models: GGUFModels

  init() throws { models = try GGUFModels.copy() }

  private func hiddenState(
    _ location: CheckpointLocation, _ precision: Precision = .float32
  ) throws -> [Float] {
    let loading = LoadingOptions(precision: precision)
    let model = try UserModel(checkpoint: location, configuration: .init(threads: 2, loading: loading))
    let soft = (0..<GGUFModels.width).map { Float($0 % 7) * 0.1 - 0.3 }
    let prompts = try ["red lamp", "wool scarf"].map { title in
      try model.prompt(history: [HistoryEntry(title: title, softToken: soft)])
    }
    return try model.hiddenStates(of: prompts).values
  }

  private func refusal(_ location: CheckpointLocation) -> ModelError? {
    #expect(throws: ModelError.self) { try LLMFiles(of: location) }
  }

  /// Blocks become the same numbers, and these are packed alike: the states are the same to the bit.
  @Test(arguments: [Precision.float32, .bfloat16, .int8])
  func `Its hidden states are those of the numbers that its blocks stand for`(precision: Precision) throws {
    let found = try hiddenState(models.gguf, precision)
    #expect(found == (try hiddenState(models.plain, precision)))
    #expect(found.contains { abs($0) > 0.1 })
  }

  @Test func `It may lie apart, and its name says nothing`() throws {
    let path = models.gguf.llm + "/tiny.gguf"
    let expected = try hiddenState(models.gguf)
    let apart = models.gguf.directory + "/weights.bin"
    try FileManager.default.moveItem(atPath: path, toPath: apart)
    #expect(
      try hiddenState(CheckpointLocation(directory: models.gguf.directory, llmWeights: apart)) == expected)
  }

  @Test func `Training reads it`() throws {
    func weights(_ location: CheckpointLocation) throws -> TrainingWeights {
      try TrainingWeights(
        checkpoint: location, spaces: nil, loading: LoadingOptions(), maxPositions: 16, team: ComputeTeam(threads: 1))
    }
    let (found, expected) = (try weights(models.gguf), try weights(models.plain))
    for (left, right) in [
      (found.llm.layers[1].attention.keyWeight, expected.llm.layers[1].attention.keyWeight),
      (found.head, expected.head),
    ] { #expect(try #require(left.tensor).values == #require(right.tensor).values) }
    #expect(found.tokenDeviation == expected.tokenDeviation)
  }

  @Test func `Trainings over another file are refused, and over the same one are not`() throws {
    let configuration = UserModel.Configuration(threads: 1)
    let frozen = try FrozenLLM(checkpoint: models.gguf, configuration: configuration)
    #expect(try UserModel(checkpoint: models.gguf, over: frozen).llmDim == GGUFModels.width)
    #expect(
      #expect(throws: ModelError.self) { try UserModel(checkpoint: models.plain, over: frozen) }?.code
        == .frozenPartMismatch)
    var other = models.builder
    other.tensors[0].bytes[100] ^= 1
    try models.write(other)
    #expect(
      #expect(throws: ModelError.self) { try UserModel(checkpoint: models.gguf, over: frozen) }?.code
        == .frozenPartMismatch)
  }

  @Test func `Its metadata is the configuration`() throws {
    var builder = models.builder
    builder.set("llama.rope.freq_base", Float(500_000))
    builder.set("llama.rope.scaling.type", "linear")
    builder.set("llama.rope.scaling.factor", Float(4))
    builder.set("llama.something_new", 3)
    try models.write(builder)
    let shape = try LLMFiles(of: models.gguf).shape
    #expect(shape.ropeBase == 500_000)
    #expect(shape.ropeScaling == 4)
    #expect(shape.contextLength == 16_384)
    #expect(shape.normEpsilon == 1e-5)
    #expect(shape.tiesEmbeddings)
    #expect(shape.unknownKeys.keys == ["llama.something_new"])
    #expect(try LLMFiles(of: models.plain).shape.unknownKeys.keys.isEmpty)
  }

  @Test func `A head of its own is read`() throws {
    var builder = models.builder
    let rows = builder.tensors[0].shape[0]
    builder.add(
      "output.weight", [rows, GGUFModels.width], 1, [UInt8](repeating: 0, count: rows * GGUFModels.width * 2))
    try models.write(builder)
    let files = try LLMFiles(of: models.gguf)
    #expect(!files.shape.tiesEmbeddings)
    #expect(files.weights.tensors["lm_head.weight"]?.type == .float16)
  }

  @Test(arguments: [
    ("general.architecture", "mamba", "\"mamba\""), ("general.type", "adapter", "\"adapter\""),
    ("llama.rope.scaling.type", "su", "\"su\""), ("llama.tensor_data_layout", "reference", "\"reference\""),
  ])
  func `What is not computed is refused by its name`(key: String, value: String, named: String) throws {
    var builder = models.builder
    builder.set(key, value)
    try models.write(builder)
    let error = refusal(models.gguf)
    #expect(error?.code == .unsupported)
    #expect(error?.message.contains(key) == true && error?.message.contains(named) == true)
  }

  @Test(arguments: [
    ("split.count", 2), ("llama.expert_count", 8), ("llama.attention.sliding_window_pattern", 2),
    ("llama.attention.scale", 2),
    ("llama.rope.dimension_count", 32), ("llama.attention.value_length", 32), ("general.quantization_version", 1),
    ("llama.logit_scale", 2),
  ])
  func `A number that is not computed is refused by its name`(key: String, value: Int) throws {
    var builder = models.builder
    builder.set(key, value)
    try models.write(builder)
    let error = refusal(models.gguf)
    #expect(error?.code == .unsupported)
    #expect(error?.message.contains("\(key) is \(value)") == true)
  }

  /// Layers are counted before the rest of the configuration is judged.
  @Test(arguments: [
    "llama.block_count", "llama.embedding_length", "llama.attention.head_count", "llama.feed_forward_length",
    "llama.context_length",
  ])
  func `A size that is none is refused by name`(key: String) throws {
    for size in [0, -1, Int64.min] {
      var builder = models.builder
      builder.set(key, 11, size.littleEndianBytes)
      try models.write(builder)
      let problem = refusal(models.gguf)
      #expect(problem?.code == .malformed && problem?.message.contains("\(key) is not a number above 0") == true)
    }
  }

  @Test(arguments: [
    "llama.block_count", "llama.embedding_length", "llama.attention.head_count", "llama.feed_forward_length",
    "llama.context_length", "llama.attention.layer_norm_rms_epsilon", "general.architecture",
  ])
  func `A value that is missing or of another type is named`(key: String) throws {
    var builder = models.builder
    builder.values.removeAll { $0.key == key }
    try models.write(builder)
    #expect(refusal(models.gguf)?.message.contains(key) == true)
    builder.set(key, true)
    try models.write(builder)
    #expect(refusal(models.gguf)?.message.contains(key) == true)
  }

  @Test(arguments: [
    "blk.0.attn_q_norm.weight", "blk.0.attn_norm.bias", "rope_factors_long.weight", "blk.2.attn_q.weight",
    "blk.0.ffn_gate_exps.weight", "v.patch_embd.weight",
  ])
  func `A tensor that a LLaMA does not have is refused`(name: String) throws {
    var builder = models.builder
    builder.add(name, [1, 32], 0, [UInt8](repeating: 0, count: 128))
    try models.write(builder)
    let error = refusal(models.gguf)
    #expect(error?.code == .unsupported)
    #expect(error?.message.contains(name) == true)
  }

  @Test func `A type of blocks that is not read is named`() throws {
    var builder = models.builder
    builder.tensors[1].type = 13
    builder.tensors[1].bytes = [UInt8](repeating: 0, count: GGUFModels.width * GGUFModels.width / 256 * 176)
    try models.write(builder)
    let error = #expect(throws: ModelError.self) {
      try UserModel(checkpoint: models.gguf, configuration: .init(threads: 1))
    }
    #expect(error?.message.contains("self_attn.q_proj.weight: F32") == true)
    #expect(error?.message.contains("Q5_K found") == true)
  }

  @Test func `A configuration beside it is part of the fingerprint`() throws {
    func fingerprint() throws -> String {
      try UserModel(checkpoint: models.gguf, configuration: .init(threads: 1)).fingerprints.model
    }
    let alone = try fingerprint()
    try FileManager.default.copyItem(
      atPath: models.plain.llm + "/config.json", toPath: models.gguf.llm + "/config.json")
    #expect(try fingerprint() != alone)
  }

  @Test(arguments: ["attention_bias", "mlp_bias"])
  func `A configuration beside it with biases that the file lacks is refused`(key: String) throws {
    try FileManager.default.copyItem(
      atPath: models.plain.llm + "/config.json", toPath: models.gguf.llm + "/config.json")
    try SyntheticModels.rewriteJSON(models.gguf.llm + "/config.json", [key: true])
    let error = refusal(models.gguf)
    #expect(error?.code == .malformed && error?.message.contains("biases of attention") == true)
  }

  @Test(arguments: [
    ("blk.0.attn_v.bias", "self_attn"), ("blk.1.attn_output.bias", "self_attn"), ("blk.0.ffn_down.bias", "mlp"),
    ("blk.0.attn_norm.bias", "attn_norm.bias"), ("output_norm.bias", "output_norm.bias"),
  ])
  func `A bias that stands alone is named, and not passed over`(name: String, mention: String) throws {
    var builder = models.builder
    builder.add(name, [GGUFModels.width], 0, [UInt8](repeating: 0, count: GGUFModels.width * 4))
    try models.write(builder)
    let error = #expect(throws: ModelError.self) {
      try FrozenLLM(checkpoint: models.gguf, configuration: .init(threads: 1))
    }
    #expect(error?.message.contains(mention) == true, "\(error?.message ?? "")")
  }

  @Test func `Two files, and a configuration of another model, are refused`() throws {
    try FileManager.default.copyItem(
      atPath: models.plain.llm + "/config.json", toPath: models.gguf.llm + "/config.json")
    #expect(try LLMFiles(of: models.gguf).shape.width == GGUFModels.width)
    try SyntheticModels.rewriteJSON(models.gguf.llm + "/config.json", ["rope_theta": 20_000])
    let contradiction = refusal(models.gguf)
    #expect(contradiction?.code == .malformed)
    #expect(contradiction?.message.contains("config.json") == true)
    try FileManager.default.copyItem(
      atPath: models.gguf.llm + "/tiny.gguf", toPath: models.gguf.llm + "/tiny-00002-of-00002.gguf")
    #expect(refusal(models.gguf)?.message.contains("2 GGUF files") == true)
  }

  @Test func `Factors of frequencies are read, and those that are none are refused`() throws {
    var builder = models.builder
    builder.add("rope_freqs.weight", [32], 0, [Float](repeating: 1, count: 32).float32Bytes)
    try models.write(builder)
    #expect(try LLMFiles(of: models.gguf).shape.decoder.ropeScheme == .plain)
    let factors = (0..<32).map { 1 + Float($0) / 8 }
    builder.tensors[builder.tensors.count - 1].bytes = factors.float32Bytes
    try models.write(builder)
    let shape = try LLMFiles(of: models.gguf).shape
    #expect(shape.decoder.ropeScheme == .divided(by: factors))
    let plain = RopeScheme.plain.frequencies(base: 10_000, width: 64)
    #expect(shape.decoder.ropeScheme.frequencies(base: 10_000, width: 64) == zip(plain, factors).map { $0 / $1 })
    for wrong in [0, -1, Float.infinity, .nan] {
      builder.tensors[builder.tensors.count - 1].bytes = (Array(factors.dropLast()) + [wrong]).float32Bytes
      try models.write(builder)
      #expect(refusal(models.gguf)?.message.contains("rope_freqs") == true, "\(wrong)")
    }
    builder.tensors[builder.tensors.count - 1].shape = [16]
    builder.tensors[builder.tensors.count - 1].bytes = Array(factors.prefix(16)).float32Bytes
    try models.write(builder)
    #expect(refusal(models.gguf)?.message.contains("rope_freqs") == true)
  }
}
