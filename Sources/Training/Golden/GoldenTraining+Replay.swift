// SPDX-License-Identifier: Apache-2.0

import Items
import Kernels
import Models

extension GoldenTraining {
  /// How one of our steps compares.
  package struct Comparison: Sendable {
    package let losses: TrainingLosses
    package let expected: Step
    /// Of the gradient norms, relative; with its parameter.
    package let worstNorm: (error: Double, parameter: String)

    /// The largest of the three losses' relative errors.
    package var lossError: Double {
      let pairs = [(losses.ire, expected.ire), (losses.ila, expected.ila), (losses.total, expected.loss)]
      return pairs.map { GoldenTraining.relativeError($0.0, $0.1) }.max() ?? 0
    }

    package static let lossBound = 1e-4
    package static let normBound = 1e-3

    package var isWithinBounds: Bool { lossError <= Self.lossBound && worstNorm.error <= Self.normBound }
  }

  /// What was found.
  package struct Replay: Sendable {
    package let comparisons: [Comparison]
    /// Samples whose conversation our tokenizer and template turn into other tokens, or other labels.
    package let differingPrompts: [Int]

    package var passed: Bool { differingPrompts.isEmpty && comparisons.allSatisfy(\.isWithinBounds) }
  }

  /// The same steps here, in 32-bit floats.
  ///
  /// - Parameter llmWeights: the frozen LLM's directory when it is not the checkpoint's `llm/`.
  package func replay(llmWeights: String? = nil, threads: Int? = nil) throws -> Replay {
    let location = CheckpointLocation(directory: "\(directory)/bundle", llmWeights: llmWeights)
    let trainsTokens = steps[0].gradNorms["token_embed"] != nil
    let model = try TrainableRecommender(
      checkpoint: location,
      options: TrainingModelOptions(spaces: spaces, trainsTokenEmbeddings: trainsTokens, threads: threads))
    let tokenizer = try LlamaTokenizer(of: location)
    let batch = try trainingSamples(model, tokenizer)
    let adamW = AdamW(
      model.parameters, betas: (optimizer.betas[0], optimizer.betas[1]), epsilon: optimizer.eps,
      weightDecay: optimizer.weightDecay, team: model.team)
    var comparisons: [Comparison] = []
    for step in steps {
      for parameter in model.parameters { parameter.clearGradient() }
      let losses = try model.addGradients(of: batch)
      comparisons.append(Comparison(losses: losses, expected: step, worstNorm: worstNorm(model, step)))
      adamW.step(learningRate: optimizer.lr)
    }
    return Replay(comparisons: comparisons, differingPrompts: differingPrompts(tokenizer))
  }

  private func worstNorm(_ model: TrainableRecommender, _ step: Step) -> (error: Double, parameter: String) {
    var worst = (error: 0.0, parameter: "")
    let found = Dictionary(
      uniqueKeysWithValues: model.parameters.map { ($0.name, model.team.sumOfSquares($0.gradient).squareRoot()) })
    for name in Set(found.keys).union(step.gradNorms.keys).sorted() {
      // A parameter that only one of the two has is as far off as can be.
      var error = Double.infinity
      if let ours = found[name], let theirs = step.gradNorms[name] { error = Self.relativeError(ours, theirs) }
      if error > worst.error || worst.parameter.isEmpty { worst = (error, name) }
    }
    return worst
  }

  private func trainingSamples(
    _ model: TrainableRecommender, _ tokenizer: LlamaTokenizer
  ) throws -> [TrainingSample] {
    let prompts = PromptBuilder(
      tokenizer: tokenizer, softTokenDim: model.llmDim, maxHistoryItems: .max,
      maxPromptTokens: model.options.maxPositions,
      maxItemListTokens: model.options.maxPositions)
    return try samples.map { sample in
      let images = sample.history.map { features[.image]?[$0] ?? [] }
      let prompt = try prompts.prompt(
        history: sample.titles.map { HistoryEntry(title: $0 ?? "", softToken: nil) })
      let markers = sample.ilaTokenIds.indices.filter { sample.ilaTokenIds[$0] == tokenizer.visualMarkerID }
      return TrainingSample(
        recommendation: .init(
          tokenIDs: prompt.tokenIDs, softTokenPositions: prompt.softTokenPositions, embeddings: images),
        targets: spaces.compactMap { space in
          guard let negative = sample.negatives[space.checkpointName], let rows = features[space] else { return nil }
          return .init(space: space, positive: rows[sample.target], negative: rows[negative])
        },
        answer: .init(
          sequence: .init(tokenIDs: sample.ilaTokenIds, softTokenPositions: markers, embeddings: images),
          labelStart: sample.labelStart))
    }
  }

  private func differingPrompts(_ tokenizer: LlamaTokenizer) -> [Int] {
    let prompt = AlignmentPrompt(tokenizer: tokenizer)
    return samples.indices.filter { index in
      let sample = samples[index]
      let encoding = prompt.encode(
        items: sample.titles.map { ItemTexts(title: $0 ?? "") }, question: sample.question,
        answer: AlignmentPrompt.Answer(value: sample.answer))
      return encoding.tokenIDs != sample.ilaTokenIds || encoding.labelStart != sample.labelStart
    }
  }

  private static func relativeError(_ found: Double, _ expected: Double) -> Double {
    let error = abs(found - expected) / max(abs(expected), .leastNormalMagnitude)
    return error.isNaN ? .infinity : error
  }
}
