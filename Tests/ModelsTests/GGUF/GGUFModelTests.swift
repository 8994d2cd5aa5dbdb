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
    ("general.architecture", "qwen2", "\"qwen2\""), ("general.type", "adapter", "\"adapter\""),
    ("llama.rope.scaling.type", "yarn", "\"yarn\""), ("llama.tensor_data_layout", "reference", "\"reference\""),
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
    ("split.count", 2), ("llama.expert_count", 8), ("llama.attention.sliding_window", 4096),
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
    "blk.0.attn_q_norm.weight", "blk.2.attn_q.weight", "blk.0.ffn_gate_exps.weight", "v.patch_embd.weight",
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

  /// As llama.cpp's conversion computes them for a head of 64 and Llama 3.2's settings.
  @Test func `The factors of Llama 3's frequencies are recognised, and others are refused`() throws {
    let factors = (0..<32).map { index -> Float in
      let wavelength = 2 * Double.pi * pow(500_000, Double(index) / 32)
      if wavelength < 2048 { return 1 }
      if wavelength > 8192 { return 32 }
      let smooth = (8192 / wavelength - 1) / 3
      return Float(1 / ((1 - smooth) / 32 + smooth))
    }
    #expect(LlamaThreeScaling(factors: factors, base: 500_000)?.factor == 32)
    #expect(LlamaThreeScaling(factors: factors, base: 10_000) == nil)
    #expect(LlamaThreeScaling(factors: factors.reversed(), base: 500_000) == nil)
    var builder = models.builder
    builder.add("rope_freqs.weight", [32], 0, [Float](repeating: 1, count: 32).float32Bytes)
    try models.write(builder)
    #expect(try LLMFiles(of: models.gguf).shape.ropeScaling == 1)
    builder.tensors[builder.tensors.count - 1].bytes = [Float](repeating: 1.5, count: 32).float32Bytes
    try models.write(builder)
    let error = refusal(models.gguf)
    #expect(error?.code == .unsupported)
    #expect(error?.message.contains("rope_freqs") == true)
  }
}
