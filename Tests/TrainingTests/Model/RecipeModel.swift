// SPDX-License-Identifier: Apache-2.0

import Datasets
import Items
import Kernels
import Models
import TestSupport

@testable import Training

/// A tiny model with all that training can add to the published one: soft tokens of all features, positions, a LoRA. What begins at
/// zero is moved away from it, so that everything counts.
enum RecipeModel {
  static let layout = SoftTokenLayout(features: Space.allCases, positions: 10)
  static let dims = [Space.image: 24, .cf: 6, .text: 10]

  static func model(
    over checkpoint: CheckpointLocation, layout: SoftTokenLayout = layout, loss: RecommendationLoss = .pairwise,
    spaces: [Space] = Space.allCases, lora: Int? = 2, activationBytes: Int = 2 << 30, dims: [Space: Int] = dims
  ) throws -> TrainableRecommender {
    let start = FreshStart(featureDims: dims, softTokens: layout, adaptorWidth: 20, spaceDim: 12, seed: 4)
    let model = try TrainableRecommender(
      checkpoint: checkpoint,
      options: TrainingModelOptions(
        spaces: spaces, loss: loss, lowRank: lora.map { LowRankStart(rank: $0, seed: 4) }, freshStart: start,
        activationBytes: activationBytes, maxPositions: 2048, threads: 1))
    var numbers = SeededGenerator(seed: 5)
    for parameter in model.parameters where parameter.name.hasPrefix("soft_token.") || parameter.name.contains("lora_B")
    {
      guard parameter.values.allSatisfy({ $0 == 0 }) else { continue }
      _ = parameter.values.update(fromContentsOf: numbers.uniform(parameter.count).map { $0 / 2 })
    }
    return model
  }

  /// The tiny samples with all features; the second sample's first item lacks its cf feature, and its image.
  static func samples() -> [TrainingSample] {
    var numbers = SeededGenerator(seed: 6)
    return TinyRecommender.samples().enumerated().map { index, sample in
      var sample = sample
      sample.metItems = [100 + index]
      sample.recommendation.embeddings = sample.recommendation.embeddings.enumerated().map { place, image in
        let isAbsent = index == 1 && place == 0
        return (isAbsent ? [Float](repeating: .nan, count: 24) : image)
          + (isAbsent ? [Float](repeating: .nan, count: 6) : numbers.uniform(6)) + numbers.uniform(10)
      }
      if var answer = sample.answer {
        answer.sequence.embeddings = answer.sequence.embeddings.map { $0 + numbers.uniform(16) }
        sample.answer = answer
      }
      return sample
    }
  }

  /// Targets of the samples and four others. The first and third target are one item; one other was met by the second user, and
  /// one lacks two features.
  static func candidates(for samples: [TrainingSample]) -> JointCandidates {
    var numbers = SeededGenerator(seed: 7)
    let targets = samples.enumerated().map { index, sample in
      JointCandidates.Candidate(
        item: index == 2 ? 0 : index,
        features: Dictionary(uniqueKeysWithValues: sample.targets.map { ($0.space, $0.positive) }),
        logExpectedCount: -1 - Float(index) / 2)
    }
    let others = (0..<4).map { index in
      let features = dims.mapValues { numbers.uniform($0) }.filter { index != 3 || $0.key == .text }
      return JointCandidates.Candidate(item: index == 1 ? 101 : 50 + index, features: features, logExpectedCount: 0.5)
    }
    return JointCandidates(targets: targets, others: others)
  }
}
