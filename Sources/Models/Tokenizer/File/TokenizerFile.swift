// SPDX-License-Identifier: Apache-2.0

/// Reads `tokenizer.json`. Whatever in it is not computed with here is refused by its name.
struct TokenizerFile {
  let path: String
  private(set) var root: TokenizerComponent
  /// Words are bytes, each of them a character of the vocabulary.
  private(set) var isByteLevel = false
  /// The ids of the model's pieces, once the pipeline was made.
  private(set) var pieces: [[UInt8]: Int32] = [:]

  init(path: String) throws(ModelError) {
    self.path = path
    let file = try CheckpointFile(path: path, maxBytes: CheckpointFile.maxCopiedBytes)
    let value = try file.withBytes { bytes throws(ModelError) in
      guard String(validating: bytes, as: UTF8.self) != nil else {
        throw ModelError(.malformed, "\(path) is not UTF-8; copy it from the checkpoint again")
      }
      do throws(TokenizerJSON.Problem) {
        return try TokenizerJSON(parsing: bytes.bindMemory(to: UInt8.self))
      } catch {
        throw ModelError(
          .malformed, "\(path): \(error.message) at byte \(error.offset); copy it from the checkpoint again")
      }
    }
    root = try TokenizerComponent(value, at: path)
  }

  /// - Parameters:
  ///   - configuration: of the files beside it.
  ///   - other: a vocabulary that must have the same ids.
  mutating func pipeline(
    _ configuration: TokenizerConfiguration, marker: String, sameAs other: GGUFVocabulary? = nil
  ) throws(ModelError) -> TokenizerPipeline {
    // They say how long texts are cut, and how ids become text again.
    root.ignore("version", "truncation", "padding", "decoder")
    let normalizer = try TextNormalizer(root.component("normalizer"))
    var preTokenizer = try TokenizerPreparation(root.component("pre_tokenizer"))
    try preTokenizer.follow(configuration, path)
    isByteLevel = preTokenizer.isByteLevel
    guard var model = try root.component("model") else { throw ModelError(.malformed, "\(path) has no model") }
    let vocabulary = try TokenizerVocabulary(&model, isByteLevel: isByteLevel)
    pieces = vocabulary.ids
    var added = try addedTokens(vocabulary)
    try configuration.refuseSplitting(path)
    try added.add(configuration, path)
    let markerToken = added.marker(marker, isSpecial: configuration.specialNames.contains(marker))
    try added.requireTold(apartBy: normalizer, path)
    try preTokenizer.requirePlaces(behind: normalizer, path)
    try other?.requireSame(as: path) { [added] in added.id(of: $0) }
    let around = try SurroundingTokens(root.component("post_processor"))
    try around.requireAgreement(with: configuration, added, path)
    try root.finish()
    let parts = TokenizerPipeline.Parts(
      normalizer: normalizer, preTokenizer: preTokenizer.steps, model: vocabulary.model, addedTokens: added.tokens,
      beginning: around.beginning, end: around.end,
      longestPiece: normalizer.growth.flatMap { growth in vocabulary.longestPiece.map { $0 * growth } },
      mostID: vocabulary.ids.values.max() ?? 0)
    return TokenizerPipeline(parts, marker: markerToken)
  }

  private mutating func addedTokens(_ vocabulary: TokenizerVocabulary) throws(ModelError) -> AddedTokenList {
    var list = AddedTokenList(vocabulary)
    guard let value = root.take("added_tokens") else { return list }
    guard case .array(let elements) = value else { throw root.wrong("added_tokens", value, "a list") }
    for (index, element) in elements.enumerated() {
      var entry = try TokenizerComponent(element, at: "\(path).added_tokens[\(index)]")
      let isSpecial = try entry.bool("special", default: false)
      let token = AddedToken(
        content: try entry.text("content"), id: try entry.id("id"),
        stripsLeft: try entry.bool("lstrip", default: false),
        stripsRight: try entry.bool("rstrip", default: false),
        isSingleWord: try entry.bool("single_word", default: false),
        isSpecial: isSpecial, isNormalized: try entry.bool("normalized", default: !isSpecial))
      try entry.finish()
      try list.add(token, at: entry.place)
    }
    return list
  }
}

extension TextNormalizer {
  /// Beyond it the bound is of no use, and its product with a length would overflow one day.
  private static let mostGrowth = 1 << 20

  /// By how many times a text may become shorter, in characters; nil where that has no bound.
  var growth: Int? {
    var growth = 1
    for step in steps {
      switch step {
      case .prepend: break
      case .replace(let pattern, let content) where pattern.count == 1 && !content.isEmpty: break
      // Nothing that a form joins was more than four characters.
      case .form(.nfc), .form(.nfkc):
        growth *= 4
        guard growth <= Self.mostGrowth else { return nil }
      case .form(.nfd), .form(.nfkd): break
      default: return nil
      }
    }
    return growth
  }
}
