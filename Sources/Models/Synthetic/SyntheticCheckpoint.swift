// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Writes random checkpoints in the published layout, for the demonstration and for tests. They are not trained: their
/// recommendations mean nothing, and are computed like any other's.
package enum SyntheticCheckpoint {
  /// Sizes of the parts.
  package struct Shape: Sendable {
    package var visionWidth: Int
    package var visionLayers: Int
    package var visionHeads: Int
    package var visionFeedForward: Int
    package var imageSize: Int
    package var patchSize: Int
    package var llmWidth: Int
    package var llmLayers: Int
    package var llmHeads: Int
    package var llmKeyValueHeads: Int
    package var llmFeedForward: Int
    /// Upper bound of the tokenizer's pieces; more when the text has many different characters.
    package var vocabulary: Int
    package var adaptorWidth: Int
    /// p.
    package var spaceDim: Int
    package var cfFeatureDim: Int
    package var textFeatureDim: Int
    /// Whether the tower has the filters of ``FilterTower`` instead of random weights.
    package var seesByFilters = false

    /// For unit tests: every part is there, nothing is wide.
    package static let tiny = Shape(
      visionWidth: 24, visionLayers: 2, visionHeads: 3, visionFeedForward: 40, imageSize: 28, patchSize: 7,
      llmWidth: 32, llmLayers: 2, llmHeads: 4, llmKeyValueHeads: 2, llmFeedForward: 56, vocabulary: 400,
      adaptorWidth: 20, spaceDim: 12, cfFeatureDim: 6, textFeatureDim: 10)

    /// For the demonstration: hundreds of images and users in seconds, and trained in a minute, on two CPUs.
    package static let demo = Shape(
      visionWidth: FilterTower.width, visionLayers: 1, visionHeads: FilterTower.regions, visionFeedForward: 32,
      imageSize: 112, patchSize: 14, llmWidth: 128, llmLayers: 1, llmHeads: 4, llmKeyValueHeads: 4,
      llmFeedForward: 256, vocabulary: 1200, adaptorWidth: 512, spaceDim: 128, cfFeatureDim: 50, textFeatureDim: 768,
      seesByFilters: true)
  }

  /// Writes a checkpoint into `directory`, which is made when it does not exist.
  ///
  /// - Parameters:
  ///   - seed: equal seeds and texts give equal files.
  ///   - text: what the tokenizer learns its pieces from, such as titles; the prompt's own words are added.
  package static func write(
    to directory: String, shape: Shape = .demo, seed: UInt64, text: [String]
  ) throws(ModelError) {
    let checkpoint = CheckpointLocation(directory: directory)
    for part in [checkpoint.llm, checkpoint.visionTower, checkpoint.recModule] {
      do {
        try FileManager.default.createDirectory(atPath: part, withIntermediateDirectories: true)
      } catch {
        throw ModelError(
          .unwritable, "the directory \(part) cannot be made; check its rights and the space left", cause: error)
      }
    }
    var weights = SyntheticWeights(seed: seed)
    let pieces = try writeTokenizer(to: checkpoint.tokenizer, shape, text: text)
    try writeLLM(to: checkpoint.llm, shape, vocabulary: pieces, &weights)
    try writeTower(to: checkpoint.visionTower, shape, &weights)
    try writeRecModule(to: checkpoint.recModule, shape, &weights)
    try writeJSON(
      ["architectures": ["ILLMRecLlamaModel"], "model_type": "illmrec_llama"], to: checkpoint.configuration)
  }

  static func writeJSON(_ fields: [String: any Encodable], to path: String) throws(ModelError) {
    try write(try JSONText.encode(fields), to: path)
  }

  static func write(_ data: Data, to path: String) throws(ModelError) {
    do {
      try data.write(to: URL(filePath: path), options: .atomic)
    } catch {
      throw ModelError(
        .unwritable, "\(path) cannot be written; check the directory, its rights and the space left", cause: error)
    }
  }
}
