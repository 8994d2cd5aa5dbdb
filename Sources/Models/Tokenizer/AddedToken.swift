// SPDX-License-Identifier: Apache-2.0

/// A token that a tokenizer recognises before its pieces, such as `<s>` or `<i_vis>`.
struct AddedToken: Sendable, Equatable {
  let content: String
  let id: Int32
  /// White space before it belongs to it.
  var stripsLeft = false
  /// White space after it belongs to it.
  var stripsRight = false
  /// It is recognised only between spaces.
  var isSingleWord = false
  /// It steers the model instead of standing for text.
  var isSpecial = false
  /// It is recognised in the normalised text, by its normalised content; of `tokenizer.json` alone.
  var isNormalized = false
}

extension [AddedToken] {
  /// Most characters that a token of these or of the pieces stands for; nil where that has no bound: those that take the white space
  /// beside them take as much as there is.
  func longestToken(besidePieces longestPiece: Int?) -> Int? {
    guard let longestPiece, !contains(where: { $0.stripsLeft || $0.stripsRight }) else { return nil }
    return reduce(longestPiece) { Swift.max($0, $1.content.unicodeScalars.count) }
  }
}

/// The parts of a tokenizer's JSON files that decide what a text's tokens are.
///
/// `normalized` of an added token counts beside `tokenizer.json` alone: the slow tokenizer heeds it only when it lower-cases text,
/// which LLaMA's does not.
struct TokenizerConfiguration: Sendable {
  /// `tokenizer_config.json`.
  private struct Main: Decodable {
    let addedTokensDecoder: [String: Token]?
    let addBosToken: Bool?
    let addEosToken: Bool?
    let bosToken: Name?
    let eosToken: Name?
    let unkToken: Name?
    let addPrefixSpace: Bool?
    let legacy: Bool?
    let tokenizerClass: String?
  }

  private struct Token: Decodable {
    let content: String
    let lstrip: Bool?
    let rstrip: Bool?
    let singleWord: Bool?
    let special: Bool?
    let normalized: Bool?
  }

  /// A token's name, alone or as an object.
  private struct Name: Decodable {
    let content: String

    init(from decoder: any Decoder) throws {
      if let text = try? decoder.singleValueContainer().decode(String.self) {
        content = text
      } else {
        content = try Token(from: decoder).content
      }
    }
  }

  private(set) var addedTokens: [AddedToken]
  let addsBeginning: Bool
  let addsEnd: Bool
  let beginning: String
  let end: String
  let unknown: String
  /// As the file states them; nil where it does not.
  let statedBeginning: Bool?
  let statedEnd: Bool?
  let statedEndName: String?
  let addsPrefixSpace: Bool?
  /// `legacy`, which is false where the file is silent, as in the published code.
  let isLegacy: Bool
  /// The class of transformers that wrote the file.
  let writtenBy: String?

  /// What a file says that holds the whole tokenizer; nil leaves a token's name as it is in LLaMA's.
  init(
    addedTokens: [AddedToken], addsBeginning: Bool, addsEnd: Bool, addsPrefixSpace: Bool, beginning: String?,
    end: String?, unknown: String?
  ) {
    self.addedTokens = addedTokens
    self.addsBeginning = addsBeginning
    self.addsEnd = addsEnd
    self.beginning = beginning ?? "<s>"
    self.end = end ?? "</s>"
    self.unknown = unknown ?? "<unk>"
    (statedBeginning, statedEnd, statedEndName) = (addsBeginning, addsEnd, end)
    self.addsPrefixSpace = addsPrefixSpace
    (isLegacy, writtenBy) = (false, nil)
  }

  /// Reads `tokenizer_config.json` and, for tokens that it does not name, `added_tokens.json`. Both may be missing.
  init(directory: String) throws(ModelError) {
    let path = directory + "/tokenizer_config.json"
    let main = try JSONText.decodeIfPresent(Main.self, from: path)
    addsBeginning = main?.addBosToken ?? true
    addsEnd = main?.addEosToken ?? false
    beginning = main?.bosToken?.content ?? "<s>"
    end = main?.eosToken?.content ?? "</s>"
    unknown = main?.unkToken?.content ?? "<unk>"
    statedBeginning = main?.addBosToken
    statedEnd = main?.addEosToken
    statedEndName = main?.eosToken?.content
    addsPrefixSpace = main?.addPrefixSpace
    isLegacy = main?.legacy ?? false
    writtenBy = main?.tokenizerClass
    addedTokens = []
    for (key, token) in main?.addedTokensDecoder ?? [:] {
      guard let id = Int32(key), id >= 0 else {
        throw ModelError(.malformed, "\(path): added_tokens_decoder has the key \"\(key)\", which is not a token id")
      }
      addedTokens.append(
        AddedToken(
          content: token.content, id: id, stripsLeft: token.lstrip ?? false, stripsRight: token.rstrip ?? false,
          isSingleWord: token.singleWord ?? false, isSpecial: token.special ?? false,
          isNormalized: token.normalized ?? !(token.special ?? false)))
    }
    let more = try JSONText.decodeIfPresent([String: Int32].self, from: directory + "/added_tokens.json") ?? [:]
    for (content, id) in more where !addedTokens.contains(where: { $0.content == content }) {
      addedTokens.append(AddedToken(content: content, id: id, isNormalized: true))
    }
    addedTokens.sort { $0.id < $1.id }
  }
}
