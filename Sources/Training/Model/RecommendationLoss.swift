// SPDX-License-Identifier: Apache-2.0

package import Models

/// How training tells the next item from others.
package enum RecommendationLoss: Sendable, Equatable {
  /// BCE-with-logits of the target and of a negative item, in each space for itself, as published.
  case pairwise
  /// Cross entropy of a softmax of one score, the sum over the spaces, over the batch's targets and items drawn beside them.
  ///
  /// - Parameter temperature: what scores are divided by.
  case jointSoftmax(temperature: Float)
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
