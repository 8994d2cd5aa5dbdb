// SPDX-License-Identifier: Apache-2.0

/// The added tokens of a tokenizer, with ids as Hugging Face's tokenizers gives them: the model's own for what is a piece of it, else
/// the next that is free. An id that a file gives otherwise would be another token than the one that was trained.
struct AddedTokenList {
  private(set) var tokens: [AddedToken] = []
  private let vocabulary: TokenizerVocabulary

  init(_ vocabulary: TokenizerVocabulary) { self.vocabulary = vocabulary }

  private func token(_ content: String) -> AddedToken? { tokens.first { $0.content.utf8.elementsEqual(content.utf8) } }

  /// The id of a token or piece.
  func id(of content: String) -> Int32? { token(content)?.id ?? vocabulary.ids[Array(content.utf8)] }

  /// The id of a piece or token of these bytes.
  func id(of bytes: [UInt8]) -> Int32? {
    vocabulary.ids[bytes] ?? tokens.first { $0.content.utf8.elementsEqual(bytes) }?.id
  }

  private func idToGive(_ content: String) -> Int32 {
    if let id = vocabulary.ids[Array(content.utf8)] { return id }
    let size = Int32(vocabulary.ids.count)
    guard let last = tokens.map(\.id).max(), last >= size || size == 0 else { return size }
    return last + 1
  }

  mutating func add(_ token: AddedToken, at place: String) throws(ModelError) {
    guard !token.content.isEmpty else { throw ModelError(.malformed, "\(place): its content is empty; leave it out") }
    guard self.token(token.content) == nil else {
      throw ModelError(.malformed, "\(place): \"\(token.content)\" stands there twice; leave one of them")
    }
    let id = idToGive(token.content)
    guard id == token.id else {
      throw ModelError(
        .unsupported,
        "\(place): \"\(token.content)\" has id \(token.id), and \(id) is the one that Hugging Face's tokenizers gives it; save "
          + "the tokenizer with transformers again")
    }
    tokens.append(token)
  }

  /// Those of the files beside `tokenizer.json`: transformers adds those that it lacks, and of the others it takes the flags that
  /// `added_tokens_decoder` has.
  mutating func add(_ configuration: TokenizerConfiguration, _ path: String) throws(ModelError) {
    for other in configuration.addedTokens {
      guard let index = tokens.firstIndex(where: { $0.content.utf8.elementsEqual(other.content.utf8) }) else {
        try add(other, at: "the tokenizer_config.json or added_tokens.json beside \(path)")
        continue
      }
      let known = tokens[index]
      guard known.id == other.id else {
        throw ModelError(
          .malformed,
          "\(path) has \"\(other.content)\" with id \(known.id), and the tokenizer_config.json or added_tokens.json beside it with "
            + "\(other.id); copy all of them from one checkpoint")
      }
      if configuration.hasDecoder {
        tokens[index] = other
      } else if known.stripsLeft || known.stripsRight || known.isSingleWord {
        throw ModelError(
          .unsupported,
          "\(path) has lstrip, rstrip or single_word of \"\(other.content)\", which transformers drops for a token of the "
            + "added_tokens.json beside it; take the latter away where the former is meant")
      }
    }
    try addNamed(configuration, path)
  }

  /// The special tokens that the files beside `tokenizer.json` name. One that is a piece becomes an added token.
  private mutating func addNamed(_ configuration: TokenizerConfiguration, _ path: String) throws(ModelError) {
    for name in configuration.specialNames where token(name) == nil && name != LlamaTokenizer.visualMarker {
      guard let id = vocabulary.ids[Array(name.utf8)] else { throw TokenizerConfiguration.missing(name, path) }
      try add(AddedToken(content: name, id: id, isSpecial: true), at: "the tokenizer_config.json beside \(path)")
    }
    let others = configuration.otherNames.filter { $0 != LlamaTokenizer.visualMarker }
    if let name = (configuration.mappedNames + others).first(where: { token($0) == nil }) {
      throw TokenizerConfiguration.missing(name, path)
    }
  }

  /// Refuses two tokens that are one text when they are normalised: which of them is found differs from version to version.
  func requireTold(apartBy normalizer: TextNormalizer, _ path: String) throws(ModelError) {
    var found: [[UInt8]: AddedToken] = [:]
    for token in tokens where token.isNormalized {
      let text = normalizer.normalised(MarkedText(bytes: Array(token.content.utf8))).bytes
      if let other = found.updateValue(token, forKey: text), !text.isEmpty {
        throw ModelError(
          .unsupported,
          "\(path): the added tokens \"\(other.content)\" and \"\(token.content)\" become one text by its normalizer, and which "
            + "of them is meant is not said; set normalized of one to false")
      }
    }
  }

  /// The marker; it is added where it is missing, as the published code adds it before training.
  mutating func marker(_ content: String, isSpecial: Bool) -> AddedToken {
    if token(content) == nil {
      tokens.append(
        AddedToken(content: content, id: idToGive(content), isSpecial: isSpecial, isNormalized: !isSpecial))
    }
    guard let marker = token(content) else { preconditionFailure("the marker was added") }
    return marker
  }
}
