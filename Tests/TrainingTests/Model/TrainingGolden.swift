// SPDX-License-Identifier: Apache-2.0

import Foundation
import Kernels
import Models
import TestSupport
import Training

/// The reference framework's training run on a checkpoint: samples, and what each step gave.
struct TrainingGolden: Decodable {
  struct Sample: Decodable {
    let history: [Int]
    let titles: [String]
    let target: Int
    let negatives: [String: Int]
    let labelStart: Int
    let ilaTokenIds: [Int32]
  }

  struct Step: Decodable {
    let ire: Double
    let ila: Double
    let loss: Double
    let gradNorms: [String: Double]

    private enum CodingKeys: String, CodingKey {
      case ire, ila, loss
      case gradNorms = "grad_norms"
    }
  }

  let samples: [Sample]
  let steps: [Step]

  private enum CodingKeys: CodingKey { case samples, steps }

  static func directory(_ name: String) -> String { "\(SharedFiles.root)/goldens/\(name)" }

  init(directory: String) throws {
    let data = try Data(contentsOf: URL(filePath: "\(directory)/train.json"))
    self = try JSONDecoder().decode(TrainingGolden.self, from: data)
  }
}

extension TrainingGolden.Sample {
  private enum CodingKeys: String, CodingKey {
    case history, titles, target, negatives
    case labelStart = "label_start"
    case ilaTokenIds = "ila_token_ids"
  }
}

extension TrainingGolden {
  private struct Expected: Decodable {
    struct Image: Decodable { let embedding: [Float] }
    let images: [Image]
  }

  /// The samples with the items' features, as a training step reads them.
  func trainingSamples(directory: String) throws -> [TrainingSample] {
    let expected = try JSONDecoder().decode(
      Expected.self, from: Data(contentsOf: URL(filePath: "\(directory)/expected.json")))
    var features = ["img": expected.images.map(\.embedding)]
    for tensor in try SafetensorsFile(path: "\(directory)/item_features.safetensors").tensors {
      let values = tensor.load(shape: tensor.shape, on: .init(threads: 1)).values
      let width = tensor.shape[1]
      features[tensor.name] = (0..<tensor.shape[0]).map { Array(values[$0 * width..<($0 + 1) * width]) }
    }
    let location = CheckpointLocation(directory: "\(directory)/bundle")
    let user = try UserModel(checkpoint: location)
    let marker = try LlamaTokenizer(directory: location.tokenizer).visualMarkerID
    return try samples.map { sample in
      let images = sample.history.map { expected.images[$0].embedding }
      let noToken = [Float](repeating: 0, count: user.llmDim)
      let prompt = try user.prompt(history: sample.titles.map { HistoryEntry(title: $0, softToken: noToken) })
      let markers = sample.ilaTokenIds.indices.filter { sample.ilaTokenIds[$0] == marker }
      return TrainingSample(
        recommendation: .init(
          tokenIDs: prompt.tokenIDs, softTokenPositions: prompt.softTokenPositions, embeddings: images),
        targets: Space.allCases.map { space in
          let rows = features[space.checkpointName] ?? []
          return .init(
            space: space, positive: rows[sample.target], negative: rows[sample.negatives[space.checkpointName] ?? 0])
        },
        answer: .init(
          sequence: .init(tokenIDs: sample.ilaTokenIds, softTokenPositions: markers, embeddings: images),
          labelStart: sample.labelStart))
    }
  }
}
