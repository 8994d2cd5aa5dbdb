// SPDX-License-Identifier: Apache-2.0

import Items

/// Makes prompts of histories and of callers' own parts.
package struct PromptBuilder: Sendable {
  let tokenizer: LlamaTokenizer
  let template: PromptTemplate
  /// d.
  let softTokenDim: Int
  /// Newest items of a history that are read.
  let maxHistoryItems: Int
  /// Most tokens of a prompt, [REC] included.
  let maxPromptTokens: Int
  /// The item list stays below this many tokens, `<s>` included.
  let maxItemListTokens: Int

  package init(
    tokenizer: LlamaTokenizer, style: PromptStyle = .image, softTokenDim: Int, maxHistoryItems: Int,
    maxPromptTokens: Int, maxItemListTokens: Int
  ) {
    self.tokenizer = tokenizer
    template = PromptTemplate(style)
    self.softTokenDim = softTokenDim
    self.maxHistoryItems = maxHistoryItems
    self.maxPromptTokens = maxPromptTokens
    self.maxItemListTokens = maxItemListTokens
  }

  /// The style's prompt over the newest items that fit; the oldest are left out whole.
  ///
  /// The oldest item is dropped until the item list is below its budget, as the published code does it; then until the
  /// whole prompt fits, where that code would cut off the prompt's last words.
  ///
  /// - Parameter allowsNone: whether a prompt may tell of no item, when the newest alone is too long. The published code's loop
  ///   ends so, in training and in evaluation; a service refuses the user with `.promptTooLong`.
  package func prompt(history: [HistoryEntry], allowsNone: Bool = false) throws(ModelError) -> Prompt {
    guard !history.isEmpty else {
      throw ModelError(.emptyHistory, "the history has no items; a user needs at least one interaction")
    }
    let newest = history.suffix(maxHistoryItems)
    let items = newest.map(\.texts)
    var kept = try mostItems(items, allowsNone: allowsNone)
    var encoding = encoding(of: items.suffix(kept))
    while encoding.ids.count >= maxPromptTokens, kept > (allowsNone ? 0 : 1) {
      kept -= 1
      encoding = self.encoding(of: items.suffix(kept))
    }
    let softTokens =
      template.style.showsImages
      ? try softTokens(Array(newest.suffix(kept)), firstIndex: history.count - kept) : []
    return try prompt(encoding, softTokens, truncated: history.count - kept)
  }

  private func encoding(of items: ArraySlice<ItemTexts>) -> LlamaTokenizer.Encoding {
    template.style == .compact
      ? tokenizer.encode(markers: items.count) : tokenizer.encode(template.prompt(items))
  }

  /// The tokens that every history's prompt begins with.
  var instruction: [Int32] {
    let prompts = ["a", "0"].map { encoding(of: [ItemTexts(title: $0)]).ids }
    return zip(prompts[0], prompts[1]).prefix { $0 == $1 && $0 != tokenizer.visualMarkerID }.map(\.0)
  }

  private func mostItems(_ items: [ItemTexts], allowsNone: Bool) throws(ModelError) -> Int {
    do throws(ModelError) {
      return try mostItems(items)
    } catch  where allowsNone && error.code == .promptTooLong {
      return 0
    }
  }

  /// How many of the newest items the item list's budget holds.
  private func mostItems(_ items: [ItemTexts]) throws(ModelError) -> Int {
    var kept = try mostItemsByLength(items)
    // A list is never shorter than its items' texts alone, so long histories are cut without tokenising them whole.
    var tokens = 0
    for (index, item) in items.suffix(kept).reversed().enumerated() {
      for field in template.fields(of: item) { tokens += tokenizer.encode([.data(field.value)]).ids.count }
      guard tokens < 2 * maxItemListTokens else {
        kept = index + 1
        break
      }
    }
    while true {
      let count = itemListTokens(items.suffix(kept))
      if count < maxItemListTokens { return kept }
      guard kept > 1 else { throw tooLong(items[items.count - 1], "\(count)") }
      kept -= 1
    }
  }

  /// How many of the newest items' texts are short enough for the budget, in whatever way they are tokenised. What has no place is
  /// never tokenised: that would take a second for each megabyte.
  private func mostItemsByLength(_ items: [ItemTexts]) throws(ModelError) -> Int {
    var least = 0
    for (index, item) in items.reversed().enumerated() {
      for field in template.fields(of: item) { least += tokenizer.leastTokens(ofData: field.value) }
      guard least >= maxItemListTokens else { continue }
      guard index > 0 else { throw tooLong(item, "at least \(least)") }
      return index
    }
    return items.count
  }

  private func tooLong(_ newest: ItemTexts, _ count: String) -> ModelError {
    ModelError(
      .promptTooLong,
      "the newest item alone has \(count) tokens, and \(maxItemListTokens - 1) are read; shorten its "
        + "\(template.style == .image ? "title" : "texts") \"\(newest.title.prefix(40))…\"")
  }

  private func itemListTokens(_ items: ArraySlice<ItemTexts>) -> Int {
    template.style == .compact
      ? tokenizer.encode(markers: items.count).ids.count : tokenizer.encode(template.itemList(items)).ids.count
  }

  /// The items' soft tokens: all of them, or none when only tokens are counted.
  private func softTokens(_ items: [HistoryEntry], firstIndex: Int) throws(ModelError) -> [[Float]] {
    guard items.contains(where: { $0.softToken != nil }) else { return [] }
    var result: [[Float]] = []
    for (offset, item) in items.enumerated() {
      guard let softToken = item.softToken else {
        throw ModelError(.invalidInput, "history item \(firstIndex + offset) has no soft token, and others have")
      }
      try check(softToken, "the soft token of history item \(firstIndex + offset)")
      result.append(softToken)
    }
    return result
  }

  /// A caller's own prompt. Neighbouring texts are one text, tokenised like the template's own words.
  func prompt(parts: [PromptPart]) throws(ModelError) -> Prompt {
    guard !parts.isEmpty else { throw ModelError(.invalidInput, "the prompt has no parts; send at least one") }
    var segments: [LlamaTokenizer.Segment] = []
    var softTokens: [[Float]] = []
    // Grows over neighbouring texts: a token, or a marker, may reach over the border of two parts.
    var text = ""
    for (index, part) in parts.enumerated() {
      switch part {
      case .text(let more): text += more
      case .softTokens(let matrix):
        guard softTokens.count + matrix.rows < maxPromptTokens else {
          throw tooLong("at least \(softTokens.count + matrix.rows)")
        }
        segments.append(try ownText(text))
        text = ""
        for row in 0..<matrix.rows {
          try check(Array(matrix[row: row]), "soft token \(row) of part \(index)")
          softTokens.append(Array(matrix[row: row]))
          segments.append(.visualMarker)
        }
      }
    }
    segments.append(try ownText(text))
    let least = segments.reduce(0) { $0 + leastTokens(of: $1) }
    guard least < maxPromptTokens else { throw tooLong("at least \(least + 1)") }
    let encoding = tokenizer.encode(segments)
    guard encoding.markerPositions.count == softTokens.count else {
      throw ModelError(
        .invalidInput,
        "a text of the prompt's parts becomes the marker \(LlamaTokenizer.visualMarker) when it is normalised; send soft tokens as a "
          + "part, and leave it out")
    }
    return try prompt(encoding, softTokens, truncated: 0)
  }

  private func leastTokens(of segment: LlamaTokenizer.Segment) -> Int {
    switch segment {
    case .text(let text): tokenizer.leastTokens(ofText: text)
    case .data(let text): tokenizer.leastTokens(ofData: text)
    case .visualMarker: 1
    }
  }

  private func ownText(_ text: String) throws(ModelError) -> LlamaTokenizer.Segment {
    guard !text.utf8.contains(LlamaTokenizer.visualMarker.utf8) else {
      throw ModelError(
        .invalidInput,
        "a text of the prompt's parts has the marker \(LlamaTokenizer.visualMarker) in it; send soft tokens as a part")
    }
    return .text(text)
  }

  private func prompt(
    _ encoding: LlamaTokenizer.Encoding, _ softTokens: [[Float]], truncated: Int
  ) throws(ModelError) -> Prompt {
    guard encoding.ids.count < maxPromptTokens else { throw tooLong("\(encoding.ids.count + 1)") }
    return Prompt(
      tokenIDs: encoding.ids, softTokenPositions: encoding.markerPositions, softTokens: softTokens,
      truncatedItems: truncated)
  }

  private func tooLong(_ count: String) -> ModelError {
    ModelError(
      .promptTooLong, "the prompt has \(count) tokens with [REC], and \(maxPromptTokens) are read; shorten its texts")
  }

  private func check(_ softToken: [Float], _ what: String) throws(ModelError) {
    guard softToken.count == softTokenDim else {
      throw ModelError(.invalidInput, "\(what) has \(softToken.count) elements; this checkpoint's have \(softTokenDim)")
    }
    if let index = softToken.firstIndex(where: { !$0.isFinite }) {
      throw ModelError(.notFinite, "\(what) is NaN or infinite at element \(index)")
    }
  }
}
