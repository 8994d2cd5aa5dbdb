// SPDX-License-Identifier: Apache-2.0

import Foundation
import Models
import TestSupport

/// A small random sentence encoder on disk, and its weights for the naive computation beside it.
struct TextEncoderFixture {
  let family: TextEncoderConfiguration.Family
  let directory: TemporaryDirectory
  let weights: [String: [Float]]

  static let width = 24
  static let heads = 3
  static let layers = 2
  static let feedForward = 40
  static let positions = 170
  static let epsilon = 1e-5

  /// Pieces of both families' vocabularies after their special tokens.
  static let pieces =
    "a b c d e l m p r w n o u g 1 . , - ! [ ] < > / s the red lamp mug blue ##a ##b ##e ##d ##s ##ing ##mp la é 名 前 ##前 lamps ό σ ##ο"
    .split(separator: " ").map(String.init)

  static func vocabulary(_ family: TextEncoderConfiguration.Family) -> [String] {
    family == .bert
      ? ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + pieces
      : ["<s>", "<pad>", "</s>", "<unk>", "[UNK]"] + pieces + ["<mask>"]
  }

  /// - Parameter prefix: put before every tensor's name.
  init(_ family: TextEncoderConfiguration.Family, prefix: String = "") throws {
    self.family = family
    directory = try TemporaryDirectory()
    var random = SeededGenerator(seed: family == .bert ? 11 : 12)
    let tensors = Self.shapes(family).map { name, shape in
      let scale: Float = name.contains("LayerNorm") ? 0.1 : 0.4
      let offset: Float = name.hasSuffix("LayerNorm.weight") ? 1 : 0
      return SafetensorsWriter.Tensor(
        name, shape: shape, values: (0..<shape.reduce(1, *)).map { _ in offset + scale * random.uniform() })
    }
    weights = Dictionary(uniqueKeysWithValues: tensors.map { ($0.name, $0.values) })
    let prefixed = tensors.map { SafetensorsWriter.Tensor(prefix + $0.name, shape: $0.shape, values: $0.values) }
    try SafetensorsWriter.write(prefixed, to: path("model.safetensors"))
    try directory.write(Self.vocabulary(family).joined(separator: "\n"), to: "vocab.txt")
    try writeJSON("config.json", configuration)
  }

  func path(_ name: String) -> String { "\(directory.path)/\(name)" }

  func writeJSON(_ name: String, _ object: Any) throws {
    try directory.write(JSONSerialization.data(withJSONObject: object), to: name)
  }

  private var configuration: [String: Any] {
    [
      "model_type": family.rawValue, "hidden_size": Self.width, "num_hidden_layers": Self.layers,
      "num_attention_heads": Self.heads, "intermediate_size": Self.feedForward,
      "max_position_embeddings": Self.positions, "layer_norm_eps": Self.epsilon, "hidden_act": "gelu",
      "vocab_size": Self.vocabulary(family).count, "type_vocab_size": 2, "relative_attention_num_buckets": 32,
    ]
  }

  /// Every tensor under the names of Hugging Face's `BertModel` and `MPNetModel`.
  private static func shapes(_ family: TextEncoderConfiguration.Family) -> [(String, [Int])] {
    let (d, f, isBERT) = (width, feedForward, family == .bert)
    func linear(_ name: String, _ inputs: Int, _ outputs: Int) -> [(String, [Int])] {
      [("\(name).weight", [outputs, inputs]), ("\(name).bias", [outputs])]
    }
    func norm(_ name: String) -> [(String, [Int])] { [("\(name).weight", [d]), ("\(name).bias", [d])] }
    var shapes: [(String, [Int])] = [
      ("embeddings.word_embeddings.weight", [vocabulary(family).count, d]),
      ("embeddings.position_embeddings.weight", [positions, d]),
      isBERT
        ? ("embeddings.token_type_embeddings.weight", [2, d])
        : ("encoder.relative_attention_bias.weight", [32, heads]),
    ]
    shapes += norm("embeddings.LayerNorm")
    for layer in 0..<layers {
      let name = "encoder.layer.\(layer)"
      let parts = isBERT ? ["self.query", "self.key", "self.value"] : ["attn.q", "attn.k", "attn.v"]
      for part in parts + [isBERT ? "output.dense" : "attn.o"] { shapes += linear("\(name).attention.\(part)", d, d) }
      shapes += norm("\(name).attention.\(isBERT ? "output.LayerNorm" : "LayerNorm")")
      shapes += linear("\(name).intermediate.dense", d, f) + linear("\(name).output.dense", f, d)
      shapes += norm("\(name).output.LayerNorm")
    }
    return shapes
  }
}
