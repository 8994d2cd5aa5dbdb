// SPDX-License-Identifier: Apache-2.0

package import Items
package import Models

/// The conversation of image-language alignment: a history in a prompt style, a question about the item that came next, and
/// its answer.
///
///     <s> system USER: history question ASSISTANT: answer</s>
///
/// - Source: Vicuna's v1 conversation, as the published code writes it.
package struct AlignmentPrompt: Sendable {
  /// An answer's words around what is known of the item. The value is data: nothing in it is read as an added token.
  package struct Answer: Sendable, Equatable {
    package var before: String
    package var value: String
    package var after: String

    package init(before: String = "", value: String, after: String = "") {
      self.before = before
      self.value = value
      self.after = after
    }
  }

  /// As a training step reads it, but for the image embeddings.
  package struct Encoding: Sendable, Equatable {
    package let tokenIDs: [Int32]
    package let softTokenPositions: [Int]
    package let labelStart: Int
  }

  private let tokenizer: LlamaTokenizer
  private let template: PromptTemplate

  private static let system =
    "A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, detailed, and "
    + "polite answers to the user's questions."
  private static let instruction =
    "Please conduct an analysis of user preference, taking into account the interacted items. Based on your analysis, "

  package init(tokenizer: LlamaTokenizer, style: PromptStyle = .image) {
    self.tokenizer = tokenizer
    template = PromptTemplate(style)
  }

  /// - Parameters:
  ///   - items: the history, oldest first.
  ///   - question: one of the wordings, without what precedes it.
  package func encode(items: [ItemTexts], question: String, answer: Answer) -> Encoding {
    let asked =
      [.text(Self.system + " USER: ")] + template.history(items)
      + [.text(Self.instruction + question + " ASSISTANT: ")]
    let whole = tokenizer.encode(
      asked + [.text(answer.before), .data(answer.value), .text(answer.after + tokenizer.endOfAnswer)])
    // The space before an answer is a token alone, and part of the answer's first token when one follows.
    let labelStart = tokenizer.encode(asked).ids.count - 1
    return Encoding(
      tokenIDs: whole.ids, softTokenPositions: whole.markerPositions, labelStart: min(labelStart, whole.ids.count - 1))
  }
}
