// SPDX-License-Identifier: Apache-2.0

package import Datasets
import Evaluation
import Items
package import Models

/// Whether a user will choose an item, asked in plain text, and how an LLM says yes or no.
///
/// - Source: Bao et al. 2023, "TALLRec", in its simplest form: a history of what was chosen, without what was not.
package struct PairQuestion: Sendable {
  /// Longest question with its answer, in tokens.
  package let maxTokens: Int
  /// Newest items with a title that it tells of.
  package let maxHistoryItems: Int
  /// The first tokens in which the answers Yes and No differ.
  package let yes: Int32
  package let no: Int32
  /// What both answers begin with: of a small vocabulary, the space before them.
  private let lead: [Int32]
  private let tokenizer: LlamaTokenizer
  private let titles: [String]

  /// - Throws: `.invalidInput` when no token tells the answers apart.
  package init(
    tokenizer: LlamaTokenizer, dataset: Dataset, maxHistoryItems: Int, maxTokens: Int
  ) throws(TrainingError) {
    self.tokenizer = tokenizer
    self.maxHistoryItems = maxHistoryItems
    self.maxTokens = maxTokens
    titles = dataset.items.map(\.texts.shortTitle)
    let question = tokenizer.beginning(of: Self.text([], about: ""))
    let answers = [" Yes", " No"].map { tokenizer.beginning(of: Self.text([], about: "") + [.text($0)]) }
    let common = zip(answers[0], answers[1]).prefix { $0 == $1 }.map(\.0)
    lead = Array(common.dropFirst(question.count))
    let place = question.count + lead.count
    // More than a space in common: what stands for the letters is the same for any.
    guard lead.count <= 1, answers.allSatisfy({ $0.starts(with: question) && $0.count > place }) else {
      throw TrainingError(
        .invalidInput,
        "the LLM's tokenizer has no two tokens that tell Yes from No behind a question; take another LLM")
    }
    (yes, no) = (answers[0][place], answers[1][place])
  }

  package func hasTitle(_ item: Int) -> Bool { !titles[item].isEmpty }

  /// The questions about some items, each after the same history; nil for an item without a title, and for all when not even the newest
  /// title fits.
  package func tokens(history: [Int], about items: [Int]) -> [[Int32]?] {
    let newest = history.filter(hasTitle).suffix(maxHistoryItems).map { titles[$0] }
    let asked = items.map { hasTitle($0) ? titles[$0] : nil }
    for kept in stride(from: newest.count, to: 0, by: -1) {
      let ids = asked.map { title in
        title.map { tokenizer.beginning(of: Self.text(newest.suffix(kept), about: $0)) + lead }
      }
      if ids.allSatisfy({ ($0?.count ?? 0) < maxTokens }) { return ids }
    }
    return items.map { _ in nil }
  }

  /// Ends where the answer begins, so that what differs between two items of one history comes last.
  static func text(_ titles: some Collection<String>, about title: String) -> [LlamaTokenizer.Segment] {
    TitleList.text(titles) + [
      .text("Will this customer choose the following item next? Answer Yes or No.\nItem: "), .data(title),
      .text("\nAnswer:"),
    ]
  }
}
