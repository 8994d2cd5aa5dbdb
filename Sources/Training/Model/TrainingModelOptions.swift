// SPDX-License-Identifier: Apache-2.0

package import Models

/// What a training run may choose about its model.
package struct TrainingModelOptions: Sendable {
  /// Spaces that are trained, each with a projection for users and one for items.
  package var spaces: [Space]
  /// Whether token embeddings are trained, as the published code does by default.
  package var trainsTokenEmbeddings: Bool
  /// Whether the adaptor is trained; it has nothing to learn from prompts that show no images.
  package var trainsAdaptor: Bool
  /// What image-language alignment counts in the loss.
  package var alignmentWeight: Float
  /// Whether a sample's target is told apart from the negative items of the whole batch, those aside that its user met, and
  /// not from its own one alone, as published.
  package var sharesNegatives: Bool
  /// How the next item is told from others.
  package var loss: RecommendationLoss
  /// Low-rank changes of the LLM's attention that are trained beside it; nil leaves the LLM as it is, as published.
  package var lowRank: LowRankStart?
  /// What the trained part starts from instead of the checkpoint's `rec_module/`, which then need not exist.
  package var freshStart: FreshStart?
  /// How the frozen LLM's matrices are kept: `.float32` or `.bfloat16`. What is trained stays in 32-bit floats.
  package var loading: LoadingOptions
  /// Memory for the LLM's activations, in bytes. Sequences are computed as many at a time as fit; one that does not fit
  /// alone keeps each layer's input and computes the rest again on the way back (Chen et al. 2016).
  package var activationBytes: Int
  /// Longest sequence, [REC] included.
  package var maxPositions: Int
  /// Of the computation; one for each CPU of the process by default.
  package var threads: Int?

  package init(
    spaces: [Space] = Space.allCases, trainsTokenEmbeddings: Bool = true, trainsAdaptor: Bool = true,
    alignmentWeight: Float = 1, sharesNegatives: Bool = false, loss: RecommendationLoss = .pairwise,
    lowRank: LowRankStart? = nil, freshStart: FreshStart? = nil,
    loading: LoadingOptions = LoadingOptions(), activationBytes: Int = 2 << 30, maxPositions: Int = 4096,
    threads: Int? = nil
  ) {
    self.spaces = spaces
    self.trainsTokenEmbeddings = trainsTokenEmbeddings
    self.trainsAdaptor = trainsAdaptor
    self.alignmentWeight = alignmentWeight
    self.sharesNegatives = sharesNegatives
    self.loss = loss
    self.lowRank = lowRank
    self.freshStart = freshStart
    self.loading = loading
    self.activationBytes = activationBytes
    self.maxPositions = maxPositions
    self.threads = threads
  }
}
