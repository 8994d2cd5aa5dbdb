// SPDX-License-Identifier: Apache-2.0

package import Models

/// How training tells the next item from others.
package enum RecommendationLoss: Sendable, Equatable {
  /// BCE-with-logits of the target and of a negative item, in each space for itself, as published.
  case pairwise
  /// Cross entropy of a softmax of one score, the sum over the spaces, over the batch's targets and items drawn beside them.
  case jointSoftmax(JointLoss)
}

/// A joint softmax, and what stands beside it.
package struct JointLoss: Sendable, Equatable {
  /// What scores are divided by.
  package var temperature: Float
  /// What the mean of the spaces' own softmaxes counts in the loss.
  ///
  /// One loss of the sum alone leaves the weaker spaces what the strongest one cannot tell; a loss of its own has each learn what it
  /// can (Wang, Tran & Feiszli 2020).
  package var spaceWeight: Float

  package init(temperature: Float = 1, spaceWeight: Float = 0) {
    self.temperature = temperature
    self.spaceWeight = spaceWeight
  }

  package func check() throws(TrainingError) {
    guard temperature > 0, temperature.isFinite else {
      throw TrainingError(.invalidInput, "the temperature of a softmax must be positive")
    }
    guard spaceWeight >= 0, spaceWeight.isFinite else {
      throw TrainingError(.invalidInput, "the weight of the spaces' own losses must be 0 or more")
    }
  }
}

/// What a joint softmax tells each target of a batch apart from: the targets of all, and items that were drawn beside them.
package struct JointCandidates: Sendable {
  package struct Candidate: Sendable {
    /// Of the catalog.
    package var item: Int
    /// What each space projects; a space whose feature the item lacks is left out, and counts 0 in its score.
    package var features: [Space: [Float]]
    /// log of how often it is expected to be among the batch's candidates in this part.
    package var logExpectedCount: Float

    package init(item: Int, features: [Space: [Float]], logExpectedCount: Float) {
      self.item = item
      self.features = features
      self.logExpectedCount = logExpectedCount
    }
  }

  /// One for each sample, in their order.
  package var targets: [Candidate]
  package var others: [Candidate]

  package init(targets: [Candidate], others: [Candidate]) {
    self.targets = targets
    self.others = others
  }

  var all: [Candidate] { targets + others }
}
