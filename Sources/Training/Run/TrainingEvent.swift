// SPDX-License-Identifier: Apache-2.0

/// What happens while a run trains.
package enum TrainingEvent: Sendable {
  package struct Step: Sendable {
    /// Counted from 1.
    package let step: Int
    /// Epochs done, with its fraction.
    package let epoch: Double
    package let losses: TrainingLosses
    package let gradientNorm: Double
    package let samples: Int
  }

  case step(Step)
  case validated(ValidationResult, isBest: Bool)
  case saved(step: Int, path: String)
  case resumed(step: Int, path: String)
  /// Something to know; the run goes on.
  case note(String)
}
