// SPDX-License-Identifier: Apache-2.0

package import Items
package import Models

/// Tokens that each way of telling about items takes, from the tokenizer alone: no model is computed.
package struct TokenCounts: Sendable {
  package static let styles: [PromptStyle] = [.image, .compact, .attributes, .descriptions, .imageDescriptions]
  package static let statistics = ["mean", "p50", "p95", "ratio to image"]

  private let tokenizer: LlamaTokenizer
  private let items: [ItemTexts]
  private let maxHistoryItems: Int

  package init(tokenizer: LlamaTokenizer, items: [ItemTexts], maxHistoryItems: Int) {
    self.tokenizer = tokenizer
    self.items = items
    self.maxHistoryItems = maxHistoryItems
  }

  /// Mean, median and 95th percentile of the tokens of an item and of a user's whole prompt, and the means' ratio to those of
  /// the style `image`; places of the axis are `styles`.
  ///
  /// An item's tokens are what it adds to a prompt that has it already.
  ///
  /// - Parameter progress: told how many histories are done, over all styles; what it throws ends the counting.
  package func series(histories: [[Int]], progress: (Int) throws -> Void = { _ in }) throws -> [StudyResult.Series] {
    let met = Set(histories.joined()).sorted()
    var perItem: [[Double]] = []
    var perPrompt: [[Double]] = []
    for (index, style) in Self.styles.enumerated() {
      let builder = PromptBuilder(
        tokenizer: tokenizer, style: style, softTokenDim: 1, maxHistoryItems: maxHistoryItems, maxPromptTokens: 4096,
        maxItemListTokens: 3850)
      perItem.append(try met.compactMap { try itemTokens($0, builder) })
      var counts: [Double] = []
      for history in histories {
        counts.append(Double(try tokens(history, builder)))
        if counts.count % 50 == 0 { try progress(index * histories.count + counts.count) }
      }
      perPrompt.append(counts)
    }
    return Self.series("per item", perItem) + Self.series("per prompt", perPrompt)
  }

  private func tokens(_ history: [Int], _ builder: PromptBuilder) throws(ModelError) -> Int {
    let entries = history.map { HistoryEntry(texts: items[$0], softToken: nil) }
    return try builder.prompt(history: entries, allowsNone: true).tokenCount
  }

  /// Nil for an item that alone is too long for a prompt.
  private func itemTokens(_ item: Int, _ builder: PromptBuilder) throws(ModelError) -> Double? {
    let entry = HistoryEntry(texts: items[item], softToken: nil)
    let (one, two) = (
      try builder.prompt(history: [entry], allowsNone: true),
      try builder.prompt(history: [entry, entry], allowsNone: true)
    )
    guard one.truncatedItems == 0, two.truncatedItems == 0 else { return nil }
    return Double(two.tokenCount - one.tokenCount)
  }

  private static func series(_ name: String, _ counts: [[Double]]) -> [StudyResult.Series] {
    let sorted = counts.map { $0.sorted() }
    let columns = [
      sorted.map(\.mean), sorted.map { quantile(0.5, $0) }, sorted.map { quantile(0.95, $0) },
      sorted.map { sorted[0].mean > 0 ? $0.mean / sorted[0].mean : 0 },
    ]
    return zip(statistics, columns).map { statistic, values in
      StudyResult.Series(
        name: statistic, metric: "tokens \(name)",
        points: values.enumerated().map { .init(x: Double($0), Estimate(value: $1, low: $1, high: $1)) })
    }
  }

  /// The smallest value that at least this share of the values does not exceed; 0 for none.
  private static func quantile(_ share: Double, _ sorted: [Double]) -> Double {
    guard !sorted.isEmpty else { return 0 }
    return sorted[max(Int((share * Double(sorted.count)).rounded(.up)) - 1, 0)]
  }
}
