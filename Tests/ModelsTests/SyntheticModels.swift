// SPDX-License-Identifier: Apache-2.0

import Foundation
import Kernels
import Models
import TestSupport
import Testing

/// A tiny random checkpoint on disk, made once for all tests that only read it.
enum SyntheticModels {
  static let directory: Result<TemporaryDirectory, any Error> = Result {
    let directory = try TemporaryDirectory()
    try SyntheticCheckpoint.write(to: directory.path, shape: .tiny, seed: 7, text: titles)
    return directory
  }

  static let titles = ["red lamp", "blue chair", "kettle 1.5 l", "wool scarf, striped", "The Big Puzzle: 1,000 pieces"]

  static func location() throws -> CheckpointLocation { CheckpointLocation(directory: try directory.get().path) }

  /// A copy that a test may damage.
  static func copy() throws -> (directory: TemporaryDirectory, location: CheckpointLocation) {
    let copy = try TemporaryDirectory()
    let path = copy.path + "/checkpoint"
    try FileManager.default.copyItem(atPath: try directory.get().path, toPath: path)
    return (copy, CheckpointLocation(directory: path))
  }

  /// Rewrites a safetensors file with its tensors changed.
  static func rewrite(
    _ path: String, _ change: (inout [SafetensorsWriter.Tensor]) -> Void
  ) throws {
    var tensors = try SafetensorsFile(path: path).tensors.map { stored in
      SafetensorsWriter.Tensor(
        stored.name, shape: stored.shape, values: stored.load(shape: stored.shape, on: .init(threads: 1)).values)
    }
    change(&tensors)
    try SafetensorsWriter.write(tensors, to: path)
  }

  /// Changes keys of a JSON object; nil removes one.
  static func rewriteJSON(_ path: String, _ changes: [String: Any?]) throws {
    let data = try Data(contentsOf: URL(filePath: path))
    var object = try JSONSerialization.jsonObject(with: data) as? [String: Any] ?? [:]
    for (key, value) in changes { object[key] = value }
    try JSONSerialization.data(withJSONObject: object).write(to: URL(filePath: path))
  }

  /// Another training over the same tower and LLM: its trained part is another's in every tensor.
  ///
  /// - Parameter trainedTokens: whose embeddings were trained as well; none leaves the checkpoint without such a file.
  static func training(
    seed: UInt64, trainedTokens: [Int] = []
  ) throws -> (directory: TemporaryDirectory, location: CheckpointLocation) {
    let (directory, location) = try copy()
    var random = SeededGenerator(seed: seed)
    try rewrite(location.recModule + "/model.safetensors") { tensors in
      tensors = tensors.map { tensor in
        SafetensorsWriter.Tensor(
          tensor.name, shape: tensor.shape,
          values: zip(tensor.values, random.uniform(tensor.values.count)).map { $0 + 0.3 * $1 })
      }
    }
    if !trainedTokens.isEmpty {
      try trainTokens(trainedTokens, of: location, in: directory, values: random.uniform(32))
    }
    return (directory, location)
  }

  /// Writes the LLM's token embeddings with some rows replaced.
  static func trainTokens(
    _ tokens: [Int], of location: CheckpointLocation, in directory: TemporaryDirectory, values row: [Float]
  ) throws {
    let stored = try #require(
      try SafetensorsFile(path: location.llm + "/model.safetensors").tensors
        .first { $0.name == "model.embed_tokens.weight" })
    var values = stored.load(shape: stored.shape, on: .init(threads: 1)).values
    for token in tokens { values.replaceSubrange(token * 32..<(token + 1) * 32, with: row) }
    var pickle = TorchFileBuilder.Pickle()
    pickle.addTensor(key: "0", elements: values.count, shape: stored.shape, strides: [32, 1])
    try directory.write(
      TorchFileBuilder(pickle: pickle, storages: ["0": values.float32Bytes]).bytes(),
      to: "checkpoint/llm_parameter/token_embed.pth")
  }
}
