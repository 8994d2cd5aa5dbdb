// SPDX-License-Identifier: Apache-2.0

/// The losses of one batch.
package struct TrainingLosses: Sendable, Equatable {
  /// Image-based recommendation: the mean over samples of the mean over their spaces of
  /// BCE-with-logits(positive, 1) + BCE-with-logits(negative, 0), or what ``JointLoss`` makes of them.
  package var ire: Double
  /// Image-language alignment: cross entropy in nats, the mean over all labelled tokens; 0 when there are none.
  package var ila: Double
  /// Tokens that `ila` is the mean of.
  package var labelledTokens: Int
  /// What `ila` counts in the total.
  package var alignmentWeight: Double

  package init(ire: Double, ila: Double, labelledTokens: Int, alignmentWeight: Double = 1) {
    self.ire = ire
    self.ila = ila
    self.labelledTokens = labelledTokens
    self.alignmentWeight = alignmentWeight
  }

  package var total: Double { ire + alignmentWeight * ila }
}
