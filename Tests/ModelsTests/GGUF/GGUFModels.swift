// SPDX-License-Identifier: Apache-2.0

import Foundation
import Kernels
import TestSupport

@testable import Models

/// One random LLM twice: as a GGUF file, and as Hugging Face's files with the numbers that its blocks stand for.
struct GGUFModels {
  private let directory: TemporaryDirectory
  private(set) var gguf: CheckpointLocation
  let plain: CheckpointLocation
  private(set) var builder: GGUFBuilder
  private var copies: TemporaryDirectory?

  static let (width, layers, heads, keyValueHeads, feedForward) = (256, 2, 4, 2, 256)
  private static let headWidth = width / heads

  /// ggml's number of a type, and what it is here.
  private static let formats: [(number: UInt32, format: BlockFormat?)] = [
    (8, .q80), (2, .q40), (3, .q41), (12, .q4K), (14, .q6K), (0, nil),
  ]

  private static let modules: [(gguf: String, name: String, rows: Int, columns: Int)] = [
    ("attn_q", "self_attn.q_proj", width, width), ("attn_k", "self_attn.k_proj", width / 2, width),
    ("attn_v", "self_attn.v_proj", width / 2, width), ("attn_output", "self_attn.o_proj", width, width),
    ("ffn_gate", "mlp.gate_proj", feedForward, width), ("ffn_up", "mlp.up_proj", feedForward, width),
    ("ffn_down", "mlp.down_proj", width, feedForward),
  ]

  private static let made = Result { try GGUFModels() }

  /// The models, made once, with a GGUF file that a test may change.
  static func copy() throws -> GGUFModels {
    var models = try made.get()
    let copies = try TemporaryDirectory()
    let path = copies.path + "/gguf"
    try FileManager.default.copyItem(atPath: models.gguf.directory, toPath: path)
    (models.gguf, models.copies) = (CheckpointLocation(directory: path), copies)
    return models
  }

  private init() throws {
    directory = try TemporaryDirectory()
    var shape = SyntheticCheckpoint.Shape.tiny
    (shape.llmWidth, shape.llmLayers, shape.llmHeads) = (Self.width, Self.layers, Self.heads)
    (shape.llmKeyValueHeads, shape.llmFeedForward) = (Self.keyValueHeads, Self.feedForward)
    plain = CheckpointLocation(directory: directory.path + "/plain")
    gguf = CheckpointLocation(directory: directory.path + "/gguf")
    try SyntheticCheckpoint.write(to: plain.directory, shape: shape, seed: 5, text: SyntheticModels.titles)
    builder = GGUFBuilder()
    var tensors = try SafetensorsFile(path: plain.llm + "/model.safetensors").tensors.map { stored in
      SafetensorsWriter.Tensor(
        stored.name, shape: stored.shape, values: stored.load(shape: stored.shape, on: .init(threads: 1)).values)
    }
    let vocabulary = tensors.first { $0.name == "model.embed_tokens.weight" }?.shape[0] ?? 0
    describe(vocabulary: vocabulary)
    var random = SeededGenerator(seed: 3)
    replace("model.embed_tokens.weight", "token_embd.weight", [vocabulary, Self.width], 4, &tensors, &random)
    for layer in 0..<Self.layers {
      for (index, module) in Self.modules.enumerated() {
        replace(
          "model.layers.\(layer).\(module.name).weight", "blk.\(layer).\(module.gguf).weight",
          [module.rows, module.columns], layer * 3 + index, &tensors, &random)
      }
      copy("model.layers.\(layer).input_layernorm.weight", "blk.\(layer).attn_norm.weight", tensors)
      copy("model.layers.\(layer).post_attention_layernorm.weight", "blk.\(layer).ffn_norm.weight", tensors)
    }
    copy("model.norm.weight", "output_norm.weight", tensors)
    try SafetensorsWriter.write(tensors, to: plain.llm + "/model.safetensors")
    try FileManager.default.copyItem(atPath: plain.directory, toPath: gguf.directory)
    for name in ["config.json", "model.safetensors"] {
      try FileManager.default.removeItem(atPath: "\(gguf.llm)/\(name)")
    }
    try write(builder)
  }

  /// Replaces the GGUF file.
  @discardableResult
  func write(_ builder: GGUFBuilder) throws -> String {
    let path = gguf.llm + "/tiny.gguf"
    try Data(builder.bytes()).write(to: URL(filePath: path))
    return path
  }

  private mutating func describe(vocabulary: Int) {
    builder.set("general.architecture", "llama")
    builder.set("general.name", "tiny")
    builder.set("general.quantization_version", 2)
    builder.set("llama.block_count", Self.layers)
    builder.set("llama.context_length", 4096)
    builder.set("llama.embedding_length", Self.width)
    builder.set("llama.feed_forward_length", Self.feedForward)
    builder.set("llama.attention.head_count", Self.heads)
    builder.set("llama.attention.head_count_kv", Self.keyValueHeads)
    builder.set("llama.attention.layer_norm_rms_epsilon", Float(1e-5))
    builder.set("llama.rope.dimension_count", Self.headWidth)
    builder.set("llama.rope.freq_base", Float(10_000))
    builder.set("llama.vocab_size", vocabulary)
  }

  private mutating func copy(_ name: String, _ gguf: String, _ tensors: [SafetensorsWriter.Tensor]) {
    guard let tensor = tensors.first(where: { $0.name == name }) else { return }
    builder.add(gguf, tensor.shape, 0, tensor.values.float32Bytes)
  }

  /// A matrix of random blocks in the one file, and of their numbers in the other.
  private mutating func replace(
    _ name: String, _ gguf: String, _ shape: [Int], _ choice: Int, _ tensors: inout [SafetensorsWriter.Tensor],
    _ random: inout SeededGenerator
  ) {
    let (number, format) = Self.formats[choice % Self.formats.count]
    let count = shape[0] * shape[1]
    let (bytes, stored): ([UInt8], [Float])
    if let format {
      bytes = Self.blocks(format, count: count, &random)
      stored = bytes.withUnsafeBytes { raw in
        raw.baseAddress.map { WeightTensor(shape: shape, blocks: $0, of: format, on: .init(threads: 1)).values } ?? []
      }
    } else {
      stored = random.uniform(count).map { $0 * 0.1 }
      bytes = stored.float32Bytes
    }
    builder.add(gguf, shape, number, bytes)
    let isTurned = name.contains("q_proj") || name.contains("k_proj")
    let values = isTurned ? Self.turnedBack(stored, width: shape[1]) : stored
    tensors = tensors.map { $0.name == name ? SafetensorsWriter.Tensor(name, shape: shape, values: values) : $0 }
  }

  /// llama.cpp's `permute` is `reshape(heads, 2, half, width).swapaxes(1, 2)`; this is its inverse, written as the loops of that.
  private static func turnedBack(_ stored: [Float], width: Int) -> [Float] {
    var values = stored
    let half = headWidth / 2
    for head in 0..<stored.count / width / headWidth {
      for pair in 0..<half {
        for side in 0..<2 {
          let from = (head * headWidth + pair * 2 + side) * width
          let to = (head * headWidth + side * half + pair) * width
          values.replaceSubrange(to..<to + width, with: stored[from..<from + width])
        }
      }
    }
    return values
  }

  /// Random codes with scales of the size that weights have.
  private static func blocks(_ format: BlockFormat, count: Int, _ random: inout SeededGenerator) -> [UInt8] {
    var bytes = (0..<format.byteCount(of: count)).map { _ in UInt8.random(in: 0...255, using: &random) }
    let scales: [(place: Int, value: Float16)]
    switch format {
    case .q80: scales = [(0, 0.001)]
    case .q40: scales = [(0, 0.012)]
    case .q41: scales = [(0, 0.012), (2, -0.09)]
    case .q4K: scales = [(0, 0.0004), (2, 0.003)]
    case .q6K: scales = [(208, 0.00004)]
    }
    for block in 0..<count / format.elements {
      for (place, value) in scales {
        bytes.replaceSubrange(
          block * format.bytes + place..<block * format.bytes + place + 2, with: value.bitPattern.littleEndianBytes)
      }
    }
    return bytes
  }
}
