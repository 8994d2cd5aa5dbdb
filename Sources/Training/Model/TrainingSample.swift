// SPDX-License-Identifier: Apache-2.0

package import Models

/// One user at one point of a history: what a training step reads.
package struct TrainingSample: Sendable {
  /// A prompt as token ids, with images at some of its positions.
  package struct Sequence: Sendable {
    /// `<s>` first. What stands at a soft token's position is not looked at.
    package var tokenIDs: [Int32]
    /// Ascending.
    package var softTokenPositions: [Int]
    /// What the adaptor turns into each position's soft token: the image embedding [v], or several features one after the other,
    /// NaN where the item lacks one.
    package var embeddings: [[Float]]
    /// Whether the newest item alone was too long, so that the prompt tells of none.
    package var tellsOfNone = false

    package init(tokenIDs: [Int32], softTokenPositions: [Int], embeddings: [[Float]]) {
      self.tokenIDs = tokenIDs
      self.softTokenPositions = softTokenPositions
      self.embeddings = embeddings
    }
  }

  /// The item that came next, and one that did not, in one space.
  package struct Target: Sendable {
    package var space: Space
    /// The feature that the space projects: the image embedding [v], the SASRec embedding or the sentence embedding.
    package var positive: [Float]
    package var negative: [Float]
    /// Which item `negative` is of: what tells whether it is one for another sample too. Nil keeps it to this one.
    package var negativeItem: Int?

    package init(space: Space, positive: [Float], negative: [Float], negativeItem: Int? = nil) {
      self.space = space
      self.positive = positive
      self.negative = negative
      self.negativeItem = negativeItem
    }
  }

  /// A question about the next item with its answer: what image-language alignment reads.
  package struct Answer: Sendable {
    /// Everything, through `</s>`.
    package var sequence: Sequence
    /// Tokens from here on are predicted, each from those before it: 1 or more.
    package var labelStart: Int

    package init(sequence: Sequence, labelStart: Int) {
      self.sequence = sequence
      self.labelStart = labelStart
    }

    /// Tokens that are predicted.
    package var labelCount: Int { max(0, sequence.tokenIDs.count - labelStart) }
  }

  /// The recommendation prompt; [REC] is appended by the model.
  package var recommendation: Sequence
  /// At most one for each space of the model; a space whose features an item lacks is left out.
  package var targets: [Target]
  /// Nil leaves image-language alignment out.
  package var answer: Answer?
  /// Items that are no negative ones for this user.
  package var metItems: Set<Int>

  package init(recommendation: Sequence, targets: [Target], answer: Answer? = nil, metItems: Set<Int> = []) {
    self.recommendation = recommendation
    self.targets = targets
    self.answer = answer
    self.metItems = metItems
  }
}
