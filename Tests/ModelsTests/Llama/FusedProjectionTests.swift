// SPDX-License-Identifier: Apache-2.0

import Foundation
import Kernels
import TestSupport
import Testing

@testable import Models

/// A LLaMA whose matrices are put together is a Phi-3.
@Suite("Fused projections are those that they are made of") struct FusedProjectionTests {
  private let directory: TemporaryDirectory
  private let location: CheckpointLocation

  /// The tiny checkpoint with its LLM as Phi-3 has it.
  init() throws {
    (directory, location) = try SyntheticModels.copy()
    try SyntheticModels.rewrite(location.llm + "/model.safetensors") { tensors in
      let named = Dictionary(uniqueKeysWithValues: tensors.map { ($0.name, $0) })
      var fused: [SafetensorsWriter.Tensor] = []
      for layer in 0..<2 {
        let name = "model.layers.\(layer)"
        for (whole, parts) in [
          ("self_attn.qkv_proj", ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"]),
          ("mlp.gate_up_proj", ["mlp.gate_proj", "mlp.up_proj"]),
        ] {
          let values = parts.flatMap { named["\(name).\($0).weight"]?.values ?? [] }
          fused.append(.init("\(name).\(whole).weight", shape: [values.count / 32, 32], values: values))
        }
      }
      let separate = ["q_proj", "k_proj", "v_proj", "gate_proj", "up_proj"]
      tensors = tensors.filter { tensor in !separate.contains { tensor.name.hasSuffix("\($0).weight") } } + fused
    }
    try SyntheticModels.rewriteJSON(location.llm + "/config.json", ["model_type": "phi3"])
  }

  private func hiddenState(_ location: CheckpointLocation, _ precision: Precision = .float32) throws -> [Float] {
    let loading = LoadingOptions(precision: precision)
    let model = try UserModel(checkpoint: location, configuration: .init(threads: 1, loading: loading))
    let soft = [Float](repeating: 0.1, count: 32)
    let prompt = try model.prompt(history: [HistoryEntry(title: "red lamp", softToken: soft)])
    return try model.hiddenStates(of: [prompt]).values
  }

  @Test(arguments: [Precision.float32, .bfloat16, .int8])
  func `They give the same to the bit`(precision: Precision) throws {
    #expect(try hiddenState(location, precision) == hiddenState(SyntheticModels.location(), precision))
  }

  private func adapter(of module: String, outputs: Int) throws {
    var random = SeededGenerator(seed: 5)
    let name = "base_model.model.model.layers.0.self_attn.\(module)"
    try FileManager.default.createDirectory(
      atPath: location.directory + "/llm_parameter", withIntermediateDirectories: true)
    try SafetensorsWriter.write(
      [
        .init("\(name).lora_A.weight", shape: [2, 32], values: random.uniform(64)),
        .init("\(name).lora_B.weight", shape: [outputs, 2], values: random.uniform(2 * outputs)),
      ], to: location.directory + "/llm_parameter/adapter_model.safetensors")
    try directory.write(
      #"{"peft_type": "LORA", "r": 2, "lora_alpha": 4, "target_modules": ["\#(module)"]}"#,
      to: "checkpoint/llm_parameter/adapter_config.json")
  }

  /// 32 rows of queries, 16 of keys and 16 of values.
  @Test func `An adapter of a fused matrix is merged into all of its parts`() throws {
    let plain = try hiddenState(location)
    try adapter(of: "qkv_proj", outputs: 64)
    let found = try hiddenState(location)
    var random = SeededGenerator(seed: 5)
    let (a, b) = (random.uniform(64), random.uniform(128))
    try SyntheticModels.rewrite(location.llm + "/model.safetensors") { tensors in
      tensors = tensors.map { tensor in
        guard tensor.name == "model.layers.0.self_attn.qkv_proj.weight" else { return tensor }
        var values = tensor.values
        for o in 0..<64 {
          for i in 0..<32 { values[o * 32 + i] += 2 * (b[2 * o] * a[i] + b[2 * o + 1] * a[32 + i]) }
        }
        return .init(tensor.name, shape: tensor.shape, values: values)
      }
    }
    try FileManager.default.removeItem(atPath: location.directory + "/llm_parameter/adapter_model.safetensors")
    try FileManager.default.removeItem(atPath: location.directory + "/llm_parameter/adapter_config.json")
    let expected = try hiddenState(location)
    #expect(zip(found, expected).allSatisfy { abs($0 - $1) < 1e-4 })
    #expect(zip(found, plain).contains { abs($0 - $1) > 0.01 })
  }

  @Test func `An adapter of a part that the base does not have is refused by its name`() throws {
    try adapter(of: "q_proj", outputs: 32)
    let error = #expect(throws: ModelError.self) { try hiddenState(location) }
    #expect(error?.code == .tensorMismatch)
    #expect(error?.message.contains("layers.0.self_attn.q_proj.weight") == true)
  }
}
