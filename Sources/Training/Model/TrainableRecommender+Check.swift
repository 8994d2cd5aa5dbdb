// SPDX-License-Identifier: Apache-2.0

import Kernels
import Models

extension TrainableRecommender {
  /// Throws for the first sample that does not fit this model.
  func check(_ batch: [TrainingSample]) throws {
    guard !batch.isEmpty else { throw TrainingError(.invalidInput, "a batch needs at least one sample") }
    for (index, sample) in batch.enumerated() {
      do {
        try check(sample.recommendation, positions: sample.recommendation.tokenIDs.count + 1)
        try check(sample.targets)
        if let answer = sample.answer { try check(answer) }
      } catch let error as TrainingError {
        throw TrainingError(error.code, "sample \(index) of the batch: \(error.message)", cause: error.cause)
      }
    }
  }

  /// Throws unless there are candidates when, and only when, the loss is one over them.
  func check(_ candidates: JointCandidates?, _ batch: [TrainingSample]) throws {
    guard (candidates != nil) == (options.loss != .pairwise), candidates?.targets.count ?? batch.count == batch.count
    else {
      throw TrainingError(
        .invalidInput,
        "\(candidates?.targets.count ?? 0) targets for \(batch.count) samples; a joint softmax needs one for each, and no other loss "
          + "has any")
    }
    for candidate in candidates?.all ?? [] {
      for projection in projections {
        guard let feature = candidate.features[projection.space], feature.count != projection.item.inputs else {
          continue
        }
        throw TrainingError(
          .invalidInput,
          "item \(candidate.item) has \(feature.count) elements in \(projection.space.checkpointName); this checkpoint projects "
            + "\(projection.item.inputs)")
      }
    }
  }

  func check(_ sequence: TrainingSample.Sequence, positions: Int) throws {
    guard positions > 1, positions <= options.maxPositions else {
      throw TrainingError(
        .invalidInput, "a sequence takes \(positions) positions; this model was loaded for 2 to \(options.maxPositions)"
      )
    }
    let soft = sequence.softTokenPositions
    guard soft.count == sequence.embeddings.count, zip(soft, soft.dropFirst()).allSatisfy({ $0 < $1 }),
      soft.allSatisfy({ sequence.tokenIDs.indices.contains($0) })
    else {
      throw TrainingError(
        .invalidInput,
        "\(sequence.embeddings.count) image embeddings for the soft tokens at \(soft) of \(sequence.tokenIDs.count) "
          + "tokens; give one for each, positions ascending")
    }
    if let embedding = sequence.embeddings.first(where: { $0.count != embeddingDim }) {
      throw TrainingError(
        .invalidInput,
        "an image embedding has \(embedding.count) elements; this checkpoint's adaptor reads \(embeddingDim)")
    }
    if let places = self.positions?.shape[0], soft.count > places {
      throw TrainingError(
        .invalidInput,
        "a sequence has \(soft.count) soft tokens, and there are positions for \(places); read fewer items")
    }
    let marked = Set(soft)
    if let position = sequence.tokenIDs.indices.first(where: {
      !marked.contains($0) && !(0..<tokenTable.rows).contains(Int(sequence.tokenIDs[$0]))
    }) {
      throw TrainingError(
        .invalidInput,
        "token \(position) has the id \(sequence.tokenIDs[position]); the checkpoint has embeddings for \(tokenTable.rows)"
      )
    }
  }

  private func check(_ targets: [TrainingSample.Target]) throws {
    guard !targets.isEmpty, Set(targets.map(\.space)).count == targets.count else {
      throw TrainingError(.invalidInput, "a sample needs a target in at least one space, and at most one in each")
    }
    for target in targets {
      guard let projection = projections.first(where: { $0.space == target.space }) else {
        throw TrainingError(
          .invalidInput, "there is a target in \(target.space.checkpointName), a space that is not trained")
      }
      for feature in [target.positive, target.negative] where feature.count != projection.item.inputs {
        throw TrainingError(
          .invalidInput,
          "a feature in \(target.space.checkpointName) has \(feature.count) elements; this checkpoint projects "
            + "\(projection.item.inputs)")
      }
    }
  }

  private func check(_ answer: TrainingSample.Answer) throws {
    try check(answer.sequence, positions: answer.sequence.tokenIDs.count)
    let tokens = answer.sequence.tokenIDs
    guard answer.labelStart >= 1, answer.labelStart < tokens.count else {
      throw TrainingError(
        .invalidInput,
        "labels begin at token \(answer.labelStart) of \(tokens.count); they need one before and one of their own")
    }
    if let label = tokens[answer.labelStart...].first(where: { !(0..<tokenLoss.head.outputs).contains(Int($0)) }) {
      throw TrainingError(
        .invalidInput,
        "an answer has the token \(label), which the LLM's head of \(tokenLoss.head.outputs) tokens cannot "
          + "predict"
      )
    }
  }

  /// Throws unless the items' features are of the widths that this model reads.
  package func check(_ items: TrainingItems) throws {
    guard items.tokenFeatures == softTokens.features, items.tokens.width == embeddingDim else {
      throw TrainingError(
        .invalidInput,
        "\(items.tokenFeatures == [.image] ? "image embeddings" : "the features of soft tokens") have \(items.tokens.width) elements; "
          + "this checkpoint's adaptor reads \(embeddingDim)")
    }
    for projection in projections {
      guard let width = items.features[projection.space]?.width, width != projection.item.inputs else { continue }
      throw TrainingError(
        .invalidInput,
        "features in \(projection.space.checkpointName) have \(width) elements; this checkpoint projects "
          + "\(projection.item.inputs). Start from random projections with --fresh, or give other features")
    }
  }
}
