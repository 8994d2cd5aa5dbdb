// SPDX-License-Identifier: Apache-2.0

import Basics

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
    let sepToken: Name?
    let padToken: Name?
    let clsToken: Name?
    let maskToken: Name?
    let additionalSpecialTokens: Names?
    let extraSpecialTokens: Names?
    let modelSpecificSpecialTokens: Names?
    let splitSpecialTokens: Bool?
    let spModelKwargs: [String: JSONValue]?
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

  /// Names of tokens, in a list or by what they are for.
  private struct Names: Decodable {
    let contents: [String]

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let list = try? container.decode([Name].self) {
        contents = list.map(\.content)
      } else {
        contents = try container.decode([String: Name].self).values.map(\.content).sorted()
      }
    }
  }

  /// Names that stand under keys of one model or another, such as `image_token`.
  private struct OtherTokens: Decodable {
    let contents: [String]

    init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: AnyName.self)
      let keys = container.allKeys.filter { $0.stringValue.hasSuffix("Token") }
      contents = keys.compactMap { try? container.decode(Name.self, forKey: $0).content }.filter { !$0.isEmpty }
        .sorted()
    }
  }

  /// `special_tokens_map.json`.
  private struct SpecialTokens: Decodable {
    let bosToken: Name?
    let eosToken: Name?
    let unkToken: Name?
    let sepToken: Name?
    let padToken: Name?
    let clsToken: Name?
    let maskToken: Name?
    let additionalSpecialTokens: Names?
  }

  private(set) var addedTokens: [AddedToken]
  /// Whether `added_tokens_decoder` is there, whose flags of tokens count.
  let hasDecoder: Bool
  /// Whether there is a `tokenizer_config.json`.
  let isStated: Bool
  /// What it calls special; transformers adds those that a tokenizer lacks.
  let specialNames: [String]
  /// As the others, of `special_tokens_map.json` where transformers reads it.
  let mappedNames: [String]
  /// What keys of other models call special (`image_token`), which version 5 of transformers adds, and version 4 does not.
  let otherNames: [String]
  /// What stands in texts as a special token is characters.
  let splitsSpecialTokens: Bool
  /// The names of `sp_model_kwargs`.
  let modelArguments: [String]
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
    (hasDecoder, isStated, splitsSpecialTokens) = (false, false, false)
    specialNames = addedTokens.filter(\.isSpecial).map(\.content)
    (mappedNames, otherNames, modelArguments) = ([], [], [])
  }

  /// Reads `tokenizer_config.json` and, where that has no `added_tokens_decoder`, `added_tokens.json` and `special_tokens_map.json`.
  /// All may be missing.
  init(directory: String) throws(ModelError) {
    let path = directory + "/tokenizer_config.json"
    let main = try JSONText.decodeIfPresent(Main.self, from: path)
    let tokens = try JSONText.decodeIfPresent(OtherTokens.self, from: path)
    otherNames = (tokens?.contents ?? []) + (main?.modelSpecificSpecialTokens?.contents ?? [])
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
    isStated = main != nil
    hasDecoder = main?.addedTokensDecoder != nil
    splitsSpecialTokens = main?.splitSpecialTokens ?? false
    modelArguments = main?.spModelKwargs?.keys.sorted() ?? []
    let specialNames = main.map(Self.names) ?? []
    self.specialNames = specialNames
    mappedNames = try hasDecoder ? [] : Self.mapped(directory, main)
    addedTokens = try Self.tokens(main?.addedTokensDecoder ?? [:], path)
    let more = try JSONText.decodeIfPresent([String: Int32].self, from: directory + "/added_tokens.json") ?? [:]
    for (content, id) in more where !addedTokens.contains(where: { $0.content == content }) {
      guard !hasDecoder else { throw Self.unread(content, directory) }
      let isSpecial = specialNames.contains(content)
      addedTokens.append(AddedToken(content: content, id: id, isSpecial: isSpecial, isNormalized: !isSpecial))
    }
    addedTokens.sort { $0.id < $1.id }
  }
}

extension TokenizerConfiguration {
  private static func tokens(_ decoder: [String: Token], _ path: String) throws(ModelError) -> [AddedToken] {
    var tokens: [AddedToken] = []
    for (key, token) in decoder {
      guard let id = Int32(key), id >= 0 else {
        throw ModelError(.malformed, "\(path): added_tokens_decoder has the key \"\(key)\", which is not a token id")
      }
      tokens.append(
        AddedToken(
          content: token.content, id: id, stripsLeft: token.lstrip ?? false, stripsRight: token.rstrip ?? false,
          isSingleWord: token.singleWord ?? false, isSpecial: token.special ?? false,
          isNormalized: token.normalized ?? !(token.special ?? false)))
    }
    return tokens
  }

  private static func names(_ main: Main) -> [String] {
    let names = [
      main.bosToken, main.eosToken, main.unkToken, main.sepToken, main.padToken, main.clsToken, main.maskToken,
    ]
    let more = (main.additionalSpecialTokens?.contents ?? []) + (main.extraSpecialTokens?.contents ?? [])
    return (names.compactMap { $0?.content } + more).filter { !$0.isEmpty }
  }

  /// The names of `special_tokens_map.json`, which has the last word in transformers.
  private static func mapped(_ directory: String, _ main: Main?) throws(ModelError) -> [String] {
    let path = directory + "/special_tokens_map.json"
    guard let map = try JSONText.decodeIfPresent(SpecialTokens.self, from: path) else { return [] }
    let both = [
      ("bos_token", map.bosToken, main?.bosToken), ("eos_token", map.eosToken, main?.eosToken),
      ("unk_token", map.unkToken, main?.unkToken),
    ]
    for (key, mapped, stated) in both {
      guard let mapped, let stated, mapped.content != stated.content else { continue }
      throw ModelError(
        .malformed,
        "\(path) has the \(key) \"\(mapped.content)\", and the tokenizer_config.json beside it \"\(stated.content)\"; copy both "
          + "from one checkpoint")
    }
    let names = [
      map.bosToken, map.eosToken, map.unkToken, map.sepToken, map.padToken, map.clsToken, map.maskToken,
    ]
    return (names.compactMap { $0?.content } + (map.additionalSpecialTokens?.contents ?? [])).filter { !$0.isEmpty }
  }

  private static func unread(_ content: String, _ directory: String) -> ModelError {
    ModelError(
      .unsupported,
      "\(directory)/added_tokens.json has \"\(content)\", which added_tokens_decoder of the tokenizer_config.json beside it lacks; "
        + "transformers does not read the former where the latter is. Save the tokenizer with transformers again, or take the token away"
    )
  }

  /// - Parameters:
  ///   - path: of the tokenizer's file.
  ///   - name: a token's, special to the files beside it.
  static func missing(_ name: String, _ path: String) -> ModelError {
    ModelError(
      .unsupported,
      "the tokenizer_config.json or special_tokens_map.json beside \(path) calls \"\(name)\" a special token, which it does not have; "
        + "transformers would give it a new id. Save the tokenizer with transformers again, so that the token is written with its id"
    )
  }

  /// Refuses what would make special tokens in the prompt's own words characters.
  func refuseSplitting(_ path: String) throws(ModelError) {
    guard splitsSpecialTokens else { return }
    throw ModelError(
      .unsupported,
      "the tokenizer_config.json beside \(path): split_special_tokens is true, and special tokens are computed as tokens alone; "
        + "set it to false where that is meant")
  }
}
