// SPDX-License-Identifier: Apache-2.0

import Kernels
import Models

/// What a run ranks items by while it trains: the same vectors that services compute from the checkpoint.
extension TrainableRecommender {
  private static let itemsAtOnce = 512

  /// Users' vectors in each space that is trained, [p] each.
  func userVectors(of prompts: [TrainingSample.Sequence]) throws -> [Space: [[Float]]] {
    let states = try hiddenStates(of: prompts)
    var vectors: [Space: [[Float]]] = [:]
    for projection in projections {
      let pass = projection.user.forward(
        Activations(rows: prompts.count, width: llmDim, values: states), on: team)
      vectors[projection.space] = (0..<prompts.count).map { pass.output[row: $0] }
    }
    return vectors
  }

  /// The LLM's hidden states at [REC]: [prompts, d].
  func hiddenStates(of prompts: [TrainingSample.Sequence]) throws -> [Float] {
    for prompt in prompts { try check(prompt, positions: prompt.tokenIDs.count + 1) }
    let batch = prompts.map { TrainingSample(recommendation: $0, targets: []) }
    return TrainingStep(self, batch, among: nil, scale: 0).recommendationStates().values
  }

  /// Items' vectors in each space that is trained, [p] each; empty for an item without the space's feature.
  func itemVectors(of items: TrainingItems) throws -> [Space: [[Float]]] {
    var vectors: [Space: [[Float]]] = [:]
    for projection in projections {
      guard let table = items.features[projection.space] else { continue }
      let known = (0..<table.count).filter { table[$0] != nil }
      var rows = [[Float]](repeating: [], count: table.count)
      for start in stride(from: 0, to: known.count, by: Self.itemsAtOnce) {
        let members = known[start..<min(start + Self.itemsAtOnce, known.count)]
        let features = Activations(
          rows: members.count, width: table.width, values: members.flatMap { table.rows[$0] })
        let pass = projection.item.forward(features, on: team)
        for (row, item) in members.enumerated() { rows[item] = pass.output[row: row] }
      }
      vectors[projection.space] = rows
    }
    return vectors
  }
}
