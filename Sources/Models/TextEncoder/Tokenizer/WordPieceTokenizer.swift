// SPDX-License-Identifier: Apache-2.0

/// BERT's and MPNet's tokenizer, id for id as Hugging Face's `BertTokenizer` and `MPNetTokenizer`.
package final class WordPieceTokenizer: Sendable {
  /// A token that is recognised before words are, such as `[SEP]`.
  struct RecognisedToken: Sendable, Equatable {
    let content: [Unicode.Scalar]
    let id: Int32
    /// It is recognised only where no letter or digit touches it.
    var isSingleWord = false
  }

  let vocabulary: WordPieceVocabulary
  let normalizer: WordPieceNormalizer
  /// Recognised in the text as it is.
  let rawTokens: [RecognisedToken]
  /// Recognised in the normalised text.
  let normalisedTokens: [RecognisedToken]
  /// Before every text: `[CLS]` or `<s>`.
  package let beginningID: Int32
  /// After every text: `[SEP]` or `</s>`.
  package let endID: Int32
  /// The longest text, in tokens, that the tokenizer's own files speak of.
  let modelMaxLength: Int?

  init(
    vocabulary: WordPieceVocabulary, normalizer: WordPieceNormalizer, rawTokens: [RecognisedToken],
    normalisedTokens: [RecognisedToken], beginningID: Int32, endID: Int32, modelMaxLength: Int?
  ) {
    self.vocabulary = vocabulary
    self.normalizer = normalizer
    // The longest of those that begin at the same place counts.
    self.rawTokens = rawTokens.sorted { $0.content.count > $1.content.count }
    self.normalisedTokens = normalisedTokens.sorted { $0.content.count > $1.content.count }
    self.beginningID = beginningID
    self.endID = endID
    self.modelMaxLength = modelMaxLength
  }

  /// The largest id that a text can have, and one.
  package var idCount: Int {
    max(vocabulary.count, Int((rawTokens + normalisedTokens).map(\.id).max() ?? -1) + 1)
  }

  /// Ids of `text` between the tokens of beginning and end.
  ///
  /// - Parameter maxTokens: with those two; what is beyond is cut off. Unlimited when nil.
  package func encode(_ text: String, maxTokens: Int? = nil) -> [Int32] {
    var ids = [beginningID]
    for run in Self.runs(of: Array(text.unicodeScalars)[...], tokens: rawTokens) {
      switch run {
      case .token(let id): ids.append(id)
      case .text(let scalars): appendNormalised(scalars, to: &ids)
      }
    }
    if let maxTokens, ids.count >= maxTokens { ids.removeSubrange(max(maxTokens - 1, 1)...) }
    ids.append(endID)
    return ids
  }

  private func appendNormalised(_ text: ArraySlice<Unicode.Scalar>, to ids: inout [Int32]) {
    for run in Self.runs(of: normalizer.normalised(text)[...], tokens: normalisedTokens) {
      switch run {
      case .token(let id): ids.append(id)
      case .text(let scalars):
        for word in Self.words(of: scalars) { vocabulary.appendPieces(of: word, to: &ids) }
      }
    }
  }

  /// What stands between spaces, and every punctuation mark by itself.
  private static func words(of text: ArraySlice<Unicode.Scalar>) -> [ArraySlice<Unicode.Scalar>] {
    var words: [ArraySlice<Unicode.Scalar>] = []
    var start = text.startIndex
    for (index, scalar) in zip(text.indices, text) {
      let isSpace = WordPieceCharacters.isSpace(scalar)
      guard isSpace || WordPieceCharacters.isPunctuation(scalar) else { continue }
      if start < index { words.append(text[start..<index]) }
      if !isSpace { words.append(text[index...index]) }
      start = index + 1
    }
    if start < text.endIndex { words.append(text[start...]) }
    return words
  }
}

extension WordPieceTokenizer {
  private enum Run {
    case text(ArraySlice<Unicode.Scalar>)
    case token(Int32)
  }

  private static func runs(of text: ArraySlice<Unicode.Scalar>, tokens: [RecognisedToken]) -> [Run] {
    guard !tokens.isEmpty else { return [.text(text)] }
    let beginnings = Set(tokens.compactMap(\.content.first))
    var runs: [Run] = []
    var (start, index) = (text.startIndex, text.startIndex)
    while index < text.endIndex {
      let rest = text[index...]
      guard beginnings.contains(text[index]), let token = tokens.first(where: { rest.starts(with: $0.content) }) else {
        index += 1
        continue
      }
      let end = index + token.content.count
      if !token.isSingleWord || standsAlone(text, index..<end) {
        if start < index { runs.append(.text(text[start..<index])) }
        runs.append(.token(token.id))
        start = end
      }
      index = end
    }
    if start < text.endIndex { runs.append(.text(text[start...])) }
    return runs
  }

  private static func standsAlone(_ text: ArraySlice<Unicode.Scalar>, _ range: Range<Int>) -> Bool {
    func isWordCharacter(_ scalar: Unicode.Scalar) -> Bool {
      scalar == "_" || scalar.properties.isAlphabetic || scalar.properties.generalCategory == .decimalNumber
    }
    let before = text[..<range.lowerBound].last.map(isWordCharacter) ?? false
    let after = text[range.upperBound...].first.map(isWordCharacter) ?? false
    return !before && !after
  }
}
