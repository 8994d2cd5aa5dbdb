// SPDX-License-Identifier: Apache-2.0

/// How well a run ranks the validation items.
package struct ValidationResult: Codable, Sendable, Equatable {
  /// Steps done before it.
  package var step: Int
  package var hit5: Double
  package var ndcg5: Double

  package init(step: Int, hit5: Double, ndcg5: Double) {
    self.step = step
    self.hit5 = hit5
    self.ndcg5 = ndcg5
  }

  /// By Hit@5; of equal ones the better NDCG@5.
  package func isBetter(than other: ValidationResult?) -> Bool {
    guard let other else { return true }
    return (hit5, ndcg5) > (other.hit5, other.ndcg5)
  }
}
