// SPDX-License-Identifier: Apache-2.0

import Datasets
package import Models

/// Makes what a training step reads of an example: prompts as tokens, images and features as numbers.
package struct SampleBuilder: Sendable {
  private let items: TrainingItems
  private let prompts: PromptBuilder
  private let alignment: AlignmentPrompt
  private let maxPositions: Int

  /// A history's item list stays below this many tokens, as the published code has it.
  private static let maxItemListTokens = 3850

  /// - Parameters:
  ///   - llmDim: d.
  ///   - maxPositions: longest sequence.
  package init(items: TrainingItems, tokenizer: LlamaTokenizer, maxInteractions: Int, llmDim: Int, maxPositions: Int) {
    self.items = items
    self.maxPositions = maxPositions
    prompts = PromptBuilder(
      tokenizer: tokenizer, style: items.promptStyle, softTokenDim: llmDim, maxHistoryItems: maxInteractions,
      maxPromptTokens: maxPositions,
      maxItemListTokens: min(Self.maxItemListTokens, maxPositions))
    alignment = AlignmentPrompt(tokenizer: tokenizer, style: items.promptStyle)
  }

  package func sample(_ example: Sampler.Example) throws -> TrainingSample {
    TrainingSample(
      recommendation: try recommendation(example.history),
      targets: example.negatives.compactMap { negative in
        guard let table = items.features[negative.space], let positive = table[example.target],
          let other = table[negative.item]
        else { return nil }
        return .init(space: negative.space, positive: positive, negative: other, negativeItem: negative.item)
      },
      answer: answer(example), metItems: example.met)
  }

  /// The recommendation prompt of a history whose items prompts can tell of. A newest item that alone is too long leaves a prompt
  /// without items, as in the published code.
  package func recommendation(_ history: [Int]) throws -> TrainingSample.Sequence {
    let prompt = try prompts.prompt(
      history: history.map { HistoryEntry(texts: items.texts[$0], softToken: nil) }, allowsNone: true)
    let kept = history.suffix(prompt.softTokenPositions.count)
    var sequence = TrainingSample.Sequence(
      tokenIDs: prompt.tokenIDs, softTokenPositions: prompt.softTokenPositions,
      embeddings: kept.compactMap { items.tokens[$0] })
    sequence.tellsOfNone = prompt.truncatedItems == history.count
    return sequence
  }

  /// The conversation about the next item. The oldest items give way until it fits, all of them if need be; nil when the question
  /// alone does not.
  private func answer(_ example: Sampler.Example) -> TrainingSample.Answer? {
    guard let question = example.question else { return nil }
    for count in stride(from: example.history.count, through: 0, by: -1) {
      let history = example.history.suffix(count)
      let encoding = alignment.encode(
        items: history.map { items.texts[$0] }, question: question.text, answer: question.answer)
      guard encoding.tokenIDs.count <= maxPositions else { continue }
      let sequence = TrainingSample.Sequence(
        tokenIDs: encoding.tokenIDs, softTokenPositions: encoding.softTokenPositions,
        embeddings: history.suffix(encoding.softTokenPositions.count).compactMap { items.tokens[$0] })
      return .init(sequence: sequence, labelStart: encoding.labelStart)
    }
    return nil
  }
}
