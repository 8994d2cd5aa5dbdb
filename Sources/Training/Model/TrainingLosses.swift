/// The losses of one batch.
package struct TrainingLosses: Sendable, Equatable {
  /// Image-based recommendation: the mean over samples of the mean over their spaces of
  /// BCE-with-logits(positive, 1) + BCE-with-logits(negative, 0).
  package var ire: Double
  /// Image-language alignment: cross entropy in nats, the mean over all labelled tokens; 0 when there are none.
  package var ila: Double
  /// Tokens that `ila` is the mean of.
  package var labelledTokens: Int

  package init(ire: Double, ila: Double, labelledTokens: Int) {
    self.ire = ire
    self.ila = ila
    self.labelledTokens = labelledTokens
  }

  package var total: Double { ire + ila }
}
