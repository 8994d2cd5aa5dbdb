// SPDX-License-Identifier: Apache-2.0

package import Items

/// One interaction of a history.
package struct HistoryEntry: Sendable {
  /// What a prompt may tell of the item in words; an empty title reads `Unknown`.
  package var texts: ItemTexts
  /// The adaptor's output [d]. Nil in prompts without images, and where tokens are counted and nothing is computed.
  package var softToken: [Float]?

  package init(texts: ItemTexts, softToken: [Float]?) {
    self.texts = texts
    self.softToken = softToken
  }

  package init(title: String, softToken: [Float]?) {
    self.init(texts: ItemTexts(title: title), softToken: softToken)
  }
}

/// A piece of a prompt that the caller builds.
package enum PromptPart: Sendable {
  /// Text, tokenised as the checkpoint's tokenizer does it.
  case text(String)
  /// [n, d]: n soft tokens where the part stands.
  case softTokens(Matrix)
}

/// What the LLM reads, before the learned [REC] row that every prompt ends with.
package struct Prompt: Sendable {
  /// Without [REC]. A soft token's position holds the id of `<i_vis>`.
  package let tokenIDs: [Int32]
  /// Positions in `tokenIDs` whose embedding rows are the soft tokens, ascending.
  package let softTokenPositions: [Int]
  /// One per position. Empty when the prompt was built for counting alone.
  package let softTokens: [[Float]]
  /// Oldest items left out because of the history bound or the token budget.
  package let truncatedItems: Int

  /// The prompt with these soft tokens, one per position: they may be known only after it was built.
  package func filled(with softTokens: [[Float]]) -> Prompt {
    precondition(
      softTokens.count == softTokenPositions.count,
      "\(softTokens.count) soft tokens for \(softTokenPositions.count) positions")
    return Prompt(
      tokenIDs: tokenIDs, softTokenPositions: softTokenPositions, softTokens: softTokens, truncatedItems: truncatedItems
    )
  }

  /// Tokens with [REC].
  package var tokenCount: Int { tokenIDs.count + 1 }
  /// Position of [REC], counted from 0.
  package var recPosition: Int { tokenIDs.count }
}
