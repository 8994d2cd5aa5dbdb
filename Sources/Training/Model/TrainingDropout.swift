// SPDX-License-Identifier: Apache-2.0

import Kernels

/// What a step drops: elements of soft tokens, before the LLM reads them, and of its states at [REC], before they are projected.
///
/// An element is 0 with this probability and else divided by 1 less it, so that its mean stays.
///
/// - Source: Srivastava et al. 2014.
package struct TrainingDropout: Sendable, Equatable {
  package var probability: Float
  /// Another for each batch.
  package var seed: UInt64

  package static let none = TrainingDropout(probability: 0, seed: 0)
  /// In a row whose elements are all dropped nothing is left to learn from.
  package static let probabilities: Range<Float> = 0..<0.95

  package init(probability: Float, seed: UInt64) {
    self.probability = probability
    self.seed = seed
  }

  private static let stateStream: UInt64 = 0x9E37_79B9_7F4A_7C15

  /// Drops of soft tokens, or of the loss's gradient by them: [n, d], of the whole batch.
  func apply(toSoftTokens rows: inout Activations, on team: ComputeTeam) {
    team.dropOut(&rows, probability: probability, seed: seed)
  }

  /// What the states at [REC] of a batch are multiplied with, [B, d]; nil when nothing is dropped.
  func stateFactors(samples: Int, width: Int, on team: ComputeTeam) -> [[Float]]? {
    guard probability > 0 else { return nil }
    var factors = Activations(rows: samples, width: width, values: [Float](repeating: 1, count: samples * width))
    team.dropOut(&factors, probability: probability, seed: seed &+ Self.stateStream)
    return (0..<samples).map { factors[row: $0] }
  }
}
