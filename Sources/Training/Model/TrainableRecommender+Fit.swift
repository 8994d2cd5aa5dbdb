// SPDX-License-Identifier: Apache-2.0

import Kernels
import Models

extension TrainableRecommender {
  private static let featuresToFit = 16_384
  private static let promptsAtOnce = 16

  /// Fits a fresh start's random layers to what they will read, so that items, users and scores differ from the first step on.
  ///
  /// A tower's embeddings and an LLM's hidden states lie close together, apart from each other in few directions only: random
  /// layers give every item nearly the same soft token and every user nearly the same vector, and the vectors' common part,
  /// p terms long, makes up the scores. So the first layers take their inputs as though these were whitened. Soft tokens then
  /// come out as long as token embeddings, and vectors so long that the scores of unrelated ones deviate by about 1. The layout
  /// of the checkpoint stays: the changes of basis are in the layers' weights.
  ///
  /// - Parameters:
  ///   - items: of the catalog.
  ///   - prompts: some that will be trained on; the hidden states of these are what users' sides are fitted to.
  ///   - report: is told of prompts read; what it throws ends the fitting.
  /// - Precondition: a fresh start, before its first step.
  package func fitStart(
    to items: TrainingItems, prompts: [TrainingSample.Sequence], report: (Int) throws -> Void = { _ in }
  ) throws {
    precondition(options.freshStart != nil)
    if options.trainsAdaptor {
      absent.fit(to: items.tokens)
      let rows = absent.filled(items.tokens.sample(atMost: Self.featuresToFit))
      let what = items.tokenFeatures == [.image] ? "image embedding" : "feature of an item"
      try fit(adaptor, to: rows, deviation: tokenDeviation, what: what)
    }
    var states: [Float] = []
    for start in stride(from: 0, to: prompts.count, by: Self.promptsAtOnce) {
      states += try hiddenStates(of: Array(prompts[start..<min(start + Self.promptsAtOnce, prompts.count)]))
      try report(states.count / llmDim)
    }
    for projection in projections {
      // Two independent vectors of norm p^(1/4) have a product of variance 1.
      let deviation = 1 / Float(projection.item.outputs).squareRoot().squareRoot()
      let features = items.features[projection.space]?.sample(atMost: Self.featuresToFit) ?? []
      let name = projection.space.checkpointName
      try fit(projection.item, to: features, deviation: deviation, what: "feature of an item in \(name)")
      try fit(projection.user, to: states, deviation: deviation, what: "hidden state of the LLM")
    }
  }

  private func fit(_ layers: TrainablePerceptron, to rows: [Float], deviation: Float, what: String) throws {
    guard layers.fit(to: rows, deviation: deviation, on: team) else {
      throw TrainingError(
        .notFinite,
        "a \(what) holds a NaN or an infinity, before training has begun; check the checkpoint and the features")
    }
  }
}
