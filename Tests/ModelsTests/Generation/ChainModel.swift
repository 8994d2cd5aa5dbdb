// SPDX-License-Identifier: Apache-2.0

import Kernels
import TestSupport

@testable import Models

/// An LLM whose next token is a function of the last one: its layers add nothing, and a token that goes on has a direction of its own,
/// which the head gives the token after it. What goes on to nothing is followed by token 0, `<unk>`.
struct ChainModel {
  let directory: TemporaryDirectory
  let location: CheckpointLocation

  /// - Parameter next: at most 32 tokens, and what follows each.
  init(_ next: [Int32: Int32]) throws {
    (directory, location) = try SyntheticModels.copy()
    try SyntheticModels.rewrite(location.llm + "/model.safetensors") { tensors in
      let vocabulary = tensors.first { $0.name == "model.embed_tokens.weight" }?.shape[0] ?? 0
      var (embeddings, head) = (
        [Float](repeating: 0, count: vocabulary * 32), [Float](repeating: 0, count: vocabulary * 32)
      )
      for (place, (last, following)) in next.sorted(by: { $0.key < $1.key }).enumerated() {
        embeddings[Int(last) * 32 + place] = 1
        head[Int(following) * 32 + place] = 1
      }
      tensors = tensors.map { tensor in
        let name = tensor.name
        let count = tensor.values.count
        let values: [Float] =
          if name == "model.embed_tokens.weight" {
            embeddings
          } else if name.hasSuffix("o_proj.weight") || name.hasSuffix("down_proj.weight") {
            [Float](repeating: 0, count: count)
          } else if name == "model.norm.weight" {
            [Float](repeating: 1, count: count)
          } else {
            tensor.values
          }
        return SafetensorsWriter.Tensor(name, shape: tensor.shape, values: values)
      }
      tensors.append(SafetensorsWriter.Tensor("lm_head.weight", shape: [vocabulary, 32], values: head))
    }
    try SyntheticModels.rewriteJSON(location.llm + "/config.json", ["tie_word_embeddings": false])
  }

  /// The id of a piece of its tokenizer.
  static func id(_ piece: String) throws -> Int32 {
    let model = try SentencePieceModel(path: SyntheticModels.location().tokenizer + "/tokenizer.model")
    guard let id = model.id(of: piece) else { throw ModelError(.notFound, "no piece \(piece)") }
    return id
  }
}
