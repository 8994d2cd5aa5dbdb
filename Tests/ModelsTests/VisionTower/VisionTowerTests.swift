// SPDX-License-Identifier: Apache-2.0

import Foundation
import Kernels
import TestSupport
import Testing

@testable import Models

/// Towers whose layers add nothing, so that what stands around them can be worked out by hand: `make check-towers` compares whole
/// ones with transformers.
@Suite("A tower's class token, norms and projections are its family's") struct VisionTowerTests {
  private static let width = 4
  private static let classToken: [Float] = [1, -2, 3, 0.5]
  private static let position: [Float] = [0.5, 0.25, -1, 2]

  /// (x - mean) / sqrt(variance + epsilon)
  private static func normed(_ x: [Float], epsilon: Float) -> [Float] {
    let mean = x.reduce(0, +) / Float(x.count)
    let variance = x.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / Float(x.count)
    return x.map { ($0 - mean) / (variance + epsilon).squareRoot() }
  }

  private static var seen: [Float] { zip(classToken, position).map { $0 + $1 } }

  @Test func `CLIP's class token passes both norms and the projection`() throws {
    let embedding = try embedding(
      Names.clip, configuration: ["model_type": "clip_vision_model", "image_size": 4, "patch_size": 2],
      more: [.init("visual_projection.weight", shape: [2, 4], values: [1, 0, 0, 0, 0, 2, 0, 1])])
    let pooled = Self.normed(Self.normed(Self.seen, epsilon: 1e-5), epsilon: 1e-5)
    #expect(relativeDistance(embedding, [pooled[0], 2 * pooled[1] + pooled[3]]) < 1e-5)
  }

  @Test func `Without a projection CLIP's embedding is the pooled token`() throws {
    let embedding = try embedding(
      Names.clip, configuration: ["model_type": "clip_vision_model", "image_size": 4, "patch_size": 2])
    #expect(
      relativeDistance(embedding, Self.normed(Self.normed(Self.seen, epsilon: 1e-5), epsilon: 1e-5)) < 1e-5)
  }

  @Test(arguments: [0, 3]) func `DINOv2's class token passes the last norm, whatever registers stand behind it`(
    registers: Int
  ) throws {
    let type = registers > 0 ? "dinov2_with_registers" : "dinov2"
    let embedding = try embedding(
      Names.dinov2,
      configuration: [
        "model_type": type, "image_size": 6, "patch_size": 2, "mlp_ratio": 2, "num_register_tokens": registers,
      ],
      grid: 3,
      more: registers == 0
        ? [] : [.init("embeddings.register_tokens", shape: [1, registers, 4], values: .init(repeating: 5, count: 12))])
    #expect(relativeDistance(embedding, Self.normed(Self.seen, epsilon: 1e-6)) < 1e-5)
  }

  @Test func `ViT's class token passes the last norm and the pooler`() throws {
    let embedding = try embedding(
      Names.vit, configuration: ["model_type": "vit", "image_size": 4, "patch_size": 2],
      more: [
        .init("vit.pooler.dense.weight", shape: [4, 4], values: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]),
        .init("vit.pooler.dense.bias", shape: [4], values: [0.1, 0, 0, 0]),
      ])
    var dense = Self.normed(Self.seen, epsilon: 1e-12)
    dense[0] += 0.1
    #expect(relativeDistance(embedding, dense.map { tanh($0) }) < 1e-5)
  }

  @Test func `A tensor that the family needs is named when it is missing`() throws {
    let error = #expect(throws: ModelError.self) {
      try embedding(
        Names.clip, configuration: ["model_type": "clip_vision_model", "image_size": 4, "patch_size": 2],
        without: "vision_model.embeddings.class_embedding")
    }
    #expect(error?.code == .tensorMismatch && error?.message.contains("embeddings.class_embedding") == true)
  }

  // MARK: - Checkpoints

  private struct Names {
    let patch, positions, classToken: String
    let classShape: [Int]
    let hasPatchBias: Bool
    let norms: [String]
    let layer: String
    let query, output, first, second: String
    let layerNorms: [String]
    let scales: [String]
    let extra: [Int]

    static let clip = Names(
      patch: "vision_model.embeddings.patch_embedding", positions: "vision_model.embeddings.position_embedding.weight",
      classToken: "vision_model.embeddings.class_embedding", classShape: [4], hasPatchBias: false,
      norms: ["vision_model.pre_layrnorm", "vision_model.post_layernorm"], layer: "vision_model.encoder.layers.0",
      query: "self_attn.%_proj", output: "self_attn.out_proj", first: "mlp.fc1", second: "mlp.fc2",
      layerNorms: ["layer_norm1", "layer_norm2"], scales: [], extra: [])
    static let dinov2 = Names(
      patch: "embeddings.patch_embeddings.projection", positions: "embeddings.position_embeddings",
      classToken: "embeddings.cls_token", classShape: [1, 1, 4], hasPatchBias: true, norms: ["layernorm"],
      layer: "encoder.layer.0", query: "attention.attention.%", output: "attention.output.dense", first: "mlp.fc1",
      second: "mlp.fc2", layerNorms: ["norm1", "norm2"], scales: ["layer_scale1.lambda1", "layer_scale2.lambda1"],
      extra: [1])
    static let vit = Names(
      patch: "vit.embeddings.patch_embeddings.projection", positions: "vit.embeddings.position_embeddings",
      classToken: "vit.embeddings.cls_token", classShape: [1, 1, 4], hasPatchBias: true, norms: ["vit.layernorm"],
      layer: "vit.encoder.layer.0", query: "attention.attention.%", output: "attention.output.dense",
      first: "intermediate.dense", second: "output.dense", layerNorms: ["layernorm_before", "layernorm_after"],
      scales: [], extra: [1])
  }

  /// The embedding of an image of 4 x 4 pixels by a tower of one layer.
  private func embedding(
    _ names: Names, configuration: [String: any Sendable], grid: Int = 2,
    more: [SafetensorsWriter.Tensor] = [], without missing: String = ""
  ) throws -> [Float] {
    let directory = try TemporaryDirectory()
    defer { withExtendedLifetime(directory) {} }
    var keys: [String: Any] = [
      "hidden_size": 4, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2,
    ]
    for (key, value) in configuration { keys[key] = value }
    _ = try directory.write(try JSONSerialization.data(withJSONObject: keys), to: "config.json")
    let crop = keys["model_type"] as? String == "vit" ? "" : #", "crop_size": 4, "do_center_crop": true"#
    let preparation =
      #"{"size": 4, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]\#(crop)}"#
    _ = try directory.write(preparation, to: "preprocessor_config.json")
    let tensors = (tensors(names, grid: grid) + more).filter { $0.name != missing }
    try SafetensorsWriter.write(tensors, to: directory.file("model.safetensors"))
    let tower = try FrozenTower(checkpoint: CheckpointLocation(directory: directory.path), threads: 1)
    let image = RGBImage(width: 4, height: 4, pixels: (0..<48).map { UInt8($0 * 5) })
    return Array(try tower.embeddings(of: [tower.preprocessing.prepare(image)])[row: 0])
  }

  private func tensors(_ names: Names, grid: Int) -> [SafetensorsWriter.Tensor] {
    var random = SeededGenerator(seed: 3)
    var tensors: [SafetensorsWriter.Tensor] = []
    func add(_ name: String, _ shape: [Int], _ values: [Float]? = nil) {
      tensors.append(.init(name, shape: shape, values: values ?? random.uniform(shape.reduce(1, *))))
    }
    func addLinear(_ name: String, _ inputs: Int, _ outputs: Int, zero: Bool = false) {
      add("\(name).weight", [outputs, inputs], zero ? .init(repeating: 0, count: inputs * outputs) : nil)
      add("\(name).bias", [outputs], zero ? .init(repeating: 0, count: outputs) : nil)
    }
    func addNorm(_ name: String) {
      add("\(name).weight", [4], .init(repeating: 1, count: 4))
      add("\(name).bias", [4], .init(repeating: 0, count: 4))
    }
    let positions = 1 + grid * grid
    add("\(names.patch).weight", [4, 3, 2, 2])
    if names.hasPatchBias { add("\(names.patch).bias", [4]) }
    add(names.classToken, names.classShape, Self.classToken)
    add(names.positions, names.extra + [positions, 4], Self.position + random.uniform(4 * (positions - 1)))
    for norm in names.norms + names.layerNorms.map({ "\(names.layer).\($0)" }) { addNorm(norm) }
    // What a layer adds is nothing: by its scale, or by its last matrices.
    for scale in names.scales { add("\(names.layer).\(scale)", [4], .init(repeating: 0, count: 4)) }
    let parts = names.query.contains("_proj") ? ["q", "k", "v"] : ["query", "key", "value"]
    for part in parts { addLinear("\(names.layer).\(names.query.replacing("%", with: part))", 4, 4) }
    addLinear("\(names.layer).\(names.output)", 4, 4, zero: names.scales.isEmpty)
    addLinear("\(names.layer).\(names.first)", 4, 8)
    addLinear("\(names.layer).\(names.second)", 8, 4, zero: names.scales.isEmpty)
    return tensors
  }
}
