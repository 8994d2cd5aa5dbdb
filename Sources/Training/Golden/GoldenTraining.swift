// SPDX-License-Identifier: Apache-2.0

import Foundation
import Models

/// A training run of the reference framework on a golden's checkpoint: its samples, and what each step gave.
///
/// A golden is a directory with `bundle/`, `expected.json` (the items' image embeddings), `item_features.safetensors` (`cf`,
/// `text`) and `train.json`.
package struct GoldenTraining: Sendable {
  package struct Step: Decodable, Sendable {
    package let ire: Double
    package let ila: Double
    package let loss: Double
    /// By parameter.
    package let gradNorms: [String: Double]
  }

  struct Sample: Decodable, Sendable {
    let history: [Int]
    let titles: [String?]
    let target: Int
    /// By space: img, cf, text.
    let negatives: [String: Int]
    let question: String
    let answer: String
    let labelStart: Int
    let ilaTokenIds: [Int32]
  }

  struct Optimizer: Decodable, Sendable {
    let lr: Float
    let betas: [Float]
    let eps: Float
    let weightDecay: Float
  }

  private struct File: Decodable {
    let samples: [Sample]
    let optimizer: Optimizer
    let steps: [Step]
  }

  private struct Expected: Decodable {
    struct Image: Decodable { let embedding: [Float] }
    let images: [Image]
  }

  package let directory: String
  package let steps: [Step]
  let samples: [Sample]
  let optimizer: Optimizer
  /// By space, a row for each item.
  let features: [Space: [[Float]]]

  package init(directory: String) throws {
    let file = try Self.decode(File.self, "\(directory)/train.json")
    let expected = try Self.decode(Expected.self, "\(directory)/expected.json")
    var features = [Space.image: expected.images.map(\.embedding)]
    let path = "\(directory)/item_features.safetensors"
    if CheckpointLocation.exists(path) {
      for tensor in try SafetensorsFile(path: path).tensors where tensor.shape.count == 2 {
        guard let space = Space.allCases.first(where: { $0.checkpointName == tensor.name }) else { continue }
        features[space] = try FeatureTable(tensor).rows
      }
    }
    self.directory = directory
    samples = file.samples
    optimizer = file.optimizer
    steps = file.steps
    self.features = features
    try check()
  }

  /// Spaces that the samples have negatives in.
  var spaces: [Space] {
    Space.allCases.filter { space in samples.contains { $0.negatives[space.checkpointName] != nil } }
  }

  private static func decode<Value: Decodable>(_ type: Value.Type, _ path: String) throws(TrainingError) -> Value {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .custom { path in GoldenKey(camelCase: path[path.count - 1]) }
    do {
      return try decoder.decode(type, from: Data(contentsOf: URL(filePath: path)))
    } catch let error as DecodingError {
      throw TrainingError(.malformed, "\(path) is not a golden's", cause: error)
    } catch {
      throw TrainingError(
        .notFound, "\(path) cannot be read; give the directory of a golden with train.json", cause: error)
    }
  }

  private func check() throws(TrainingError) {
    let path = "\(directory)/train.json"
    guard !samples.isEmpty, !steps.isEmpty, !spaces.isEmpty, optimizer.betas.count == 2 else {
      throw TrainingError(.malformed, "\(path) needs samples with negatives, steps and two betas")
    }
    for (index, sample) in samples.enumerated() {
      let negatives = sample.negatives.values
      for item in sample.history + [sample.target] + negatives {
        guard spaces.allSatisfy({ features[$0]?.indices.contains(item) ?? false }) else {
          throw TrainingError(
            .malformed, "\(path): sample \(index) names item \(item), whose features are not all given")
        }
      }
      guard sample.titles.count == sample.history.count, !sample.history.isEmpty else {
        throw TrainingError(.malformed, "\(path): sample \(index) has \(sample.titles.count) titles for its history")
      }
    }
  }
}

/// `grad_norms` as `gradNorms`, and names that are data, such as `f_i_img.mlp.0.weight`, as they are.
private struct GoldenKey: CodingKey {
  let stringValue: String
  let intValue: Int?

  init(camelCase key: any CodingKey) {
    intValue = key.intValue
    let known = ["grad_norms": "gradNorms", "label_start": "labelStart", "ila_token_ids": "ilaTokenIds"]
    stringValue = known[key.stringValue] ?? (key.stringValue == "weight_decay" ? "weightDecay" : key.stringValue)
  }

  init?(stringValue: String) {
    self.stringValue = stringValue
    intValue = nil
  }

  init?(intValue: Int) {
    stringValue = "\(intValue)"
    self.intValue = intValue
  }
}
