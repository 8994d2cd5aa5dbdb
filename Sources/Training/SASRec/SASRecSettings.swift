// SPDX-License-Identifier: Apache-2.0

/// What SASRec's rows learn by.
package enum SASRecLoss: String, Sendable, Codable, CaseIterable {
  /// The next item's score against one item's that the user never met, as published.
  case binary = "bce"
  /// A softmax over all items (Klenitskiy & Vasilev 2023).
  case crossEntropy = "cross-entropy"
}

/// Sizes of a SASRec and how it is trained; the defaults are those of the publication.
package struct SASRecSettings: Sendable, Equatable, Codable {
  package var blocks = 2
  package var heads = 1
  /// D, of an item's embedding.
  package var width = 50
  /// L, newest items of a history that are read.
  package var length = 50
  /// Share of the elements that are dropped after the embeddings, attention and feed-forward.
  package var dropout: Float = 0.2
  package var learningRate = 1e-3
  /// Of AdamW, apart from the gradient.
  package var weightDecay = 0.0
  /// Sequences of a step.
  package var batch = 128
  package var epochs = 400
  /// Epochs from one validation to the next.
  package var validationInterval = 10
  /// Validations without a better one before training ends.
  package var patience = 5
  /// Whether an epoch goes through all of a long history, in windows whose ends change from epoch to epoch, rather than its
  /// newest `length` items.
  package var usesWholeHistory = true
  /// Nil, as in files that do not say, is `binary`.
  package var loss: SASRecLoss?
  package var seed: UInt64 = 1

  package init() {}

  /// Throws when they contradict each other.
  package func check() throws(TrainingError) {
    guard blocks > 0, heads > 0, width > 0, length > 0, batch > 0, epochs > 0, validationInterval > 0, patience > 0
    else {
      throw TrainingError(.invalidInput, "every size and count of a SASRec is at least 1")
    }
    guard width % heads == 0 else {
      throw TrainingError(.invalidInput, "a width of \(width) does not divide into \(heads) heads; choose a multiple")
    }
    guard dropout >= 0, dropout < 1 else {
      throw TrainingError(.invalidInput, "a dropout of \(dropout) leaves nothing or is negative; choose one in [0, 1)")
    }
    guard learningRate > 0, learningRate.isFinite, weightDecay >= 0, weightDecay.isFinite else {
      throw TrainingError(
        .invalidInput,
        "the learning rate \(learningRate) must be positive and the weight decay \(weightDecay) not negative")
    }
  }
}
