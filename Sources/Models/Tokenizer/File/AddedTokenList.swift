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

  /// Those of the files beside `tokenizer.json`, which transformers adds where that lacks them.
  mutating func add(_ more: [AddedToken], _ path: String) throws(ModelError) {
    for other in more {
      guard let known = token(other.content) else {
        try add(other, at: "the tokenizer_config.json or added_tokens.json beside \(path)")
        continue
      }
      guard known.id == other.id else {
        throw ModelError(
          .malformed,
          "\(path) has \"\(other.content)\" with id \(known.id), and the tokenizer_config.json or added_tokens.json beside it with "
            + "\(other.id); copy all of them from one checkpoint")
      }
    }
  }

  /// The marker; it is added where it is missing, as the published code adds it before training.
  mutating func marker(_ content: String) throws(ModelError) -> AddedToken {
    if token(content) == nil {
      tokens.append(AddedToken(content: content, id: idToGive(content), isNormalized: true))
    }
    guard let marker = token(content) else { preconditionFailure("the marker was added") }
    return marker
  }
}
