// SPDX-License-Identifier: Apache-2.0

/// The tokenizer that a GGUF file brings along.
struct GGUFVocabulary {
  /// What a token is, as llama.cpp numbers it.
  enum Kind: Int32, Sendable {
    case normal = 1
    case unknown, control, userDefined, unused, byte
  }

  let path: String
  /// By id, without what fills the vocabulary up to a round number.
  let tokens: [[UInt8]]
  let kinds: [Kind]
  private(set) var metadata: GGUFMetadata

  static let prefix = "tokenizer.ggml."

  init(_ gguf: GGUFFile) throws(ModelError) {
    var metadata = GGUFMetadata(gguf)
    guard var tokens = try metadata.texts(Self.prefix + "tokens"), !tokens.isEmpty else {
      throw ModelError(
        .notFound,
        "\(gguf.path) brings no tokenizer along; put the model's tokenizer.json or tokenizer.model into the checkpoint's llm/"
      )
    }
    var kinds: [Kind] = []
    for number in try metadata.integers(Self.prefix + "token_type") ?? tokens.map({ _ in Kind.normal.rawValue }) {
      guard let kind = Kind(rawValue: number) else {
        throw ModelError(
          .unsupported,
          "\(gguf.path): \(Self.prefix)token_type has \(number), which is no kind of token that is known here")
      }
      kinds.append(kind)
    }
    guard kinds.count == tokens.count, tokens.count < Int32.max else {
      throw ModelError(.malformed, "\(gguf.path) has \(tokens.count) tokens and the kinds of \(kinds.count)")
    }
    while kinds.last == .unused, tokens.last.map({ $0.starts(with: "[PAD".utf8) }) == true {
      tokens.removeLast()
      kinds.removeLast()
    }
    (path, self.tokens, self.kinds, self.metadata) = (gguf.path, tokens, kinds, metadata)
  }

  // MARK: - Settings

  mutating func text(_ key: String) throws(ModelError) -> String? { try metadata.text(Self.prefix + key) }
  mutating func flag(_ key: String) throws(ModelError) -> Bool? { try metadata.flag(Self.prefix + key) }
  mutating func floats(_ key: String) throws(ModelError) -> [Float]? { try metadata.floats(Self.prefix + key) }
  mutating func texts(_ key: String) throws(ModelError) -> [[UInt8]]? { try metadata.texts(Self.prefix + key) }

  /// The token that a key names by its id; nil where the file does not say.
  mutating func token(_ key: String) throws(ModelError) -> (id: Int32, content: String)? {
    guard let id = try metadata.integer(Self.prefix + key) else { return nil }
    guard tokens.indices.contains(id) else {
      throw ModelError(.malformed, "\(path): \(Self.prefix)\(key) is \(id), and there are \(tokens.count) tokens")
    }
    return (Int32(id), String(decoding: tokens[id], as: UTF8.self))
  }

  /// Whose tokenizer it is; nil where the file does not say.
  mutating func architecture() throws(ModelError) -> String? { try metadata.text("general.architecture") }

  func refusal(of key: String, _ computed: String) -> ModelError { metadata.refusal(of: Self.prefix + key, computed) }

  /// Refuses what would change ids and is not computed.
  mutating func refuseOthers() throws(ModelError) {
    for key in ["add_sep_token", "remove_extra_whitespaces", "normalizer.lowercase"] where try flag(key) == true {
      throw refusal(of: key, "only false is computed")
    }
    guard metadata.has(Self.prefix + "precompiled_charsmap") else { return }
    throw refusal(of: "precompiled_charsmap", "put the model's tokenizer.json or tokenizer.model beside it")
  }

  // MARK: - Tokens

  /// Ids by token.
  func ids() throws(ModelError) -> [[UInt8]: Int32] {
    var ids: [[UInt8]: Int32] = [:]
    ids.reserveCapacity(tokens.count)
    for (id, token) in tokens.enumerated() {
      guard ids.updateValue(Int32(id), forKey: token) == nil else {
        throw ModelError(
          .malformed,
          "\(path) has the token \"\(String(decoding: token, as: UTF8.self))\" twice; convert the model again")
      }
    }
    return ids
  }

  /// Those that are recognised before a text is cut into pieces. Whether they take the white space beside them is nothing that the
  /// file says; none does.
  var addedTokens: [AddedToken] {
    zip(tokens, kinds).enumerated().compactMap { id, token in
      guard token.1 == .control || token.1 == .userDefined, !token.0.isEmpty else { return nil }
      return AddedToken(
        content: String(decoding: token.0, as: UTF8.self), id: Int32(id), isSpecial: token.1 == .control)
    }
  }

  /// Throws unless another tokenizer has the same ids.
  ///
  /// - Parameter id: of a token there; nil where it has none.
  func requireSame(as other: String, id: ([UInt8]) -> Int32?) throws(ModelError) {
    for (index, token) in tokens.enumerated() where kinds[index] != .unused && kinds[index] != .unknown {
      // Conversions write spaces where SentencePiece has a sign for them.
      let written = kinds[index] == .userDefined && id(token) == nil ? Self.withSpaceSigns(token) : token
      guard let found = id(written), Int(found) == index else {
        throw ModelError(
          .malformed,
          "\(other) has \(id(token).map { "the id \($0)" } ?? "no id") for \"\(String(decoding: token, as: UTF8.self))\", which is "
            + "token \(index) of \(path); the two are not of one model: take one of them away")
      }
    }
  }

  private static func withSpaceSigns(_ token: [UInt8]) -> [UInt8] {
    token.flatMap { $0 == 0x20 ? Array("\u{2581}".utf8) : [$0] }
  }
}
