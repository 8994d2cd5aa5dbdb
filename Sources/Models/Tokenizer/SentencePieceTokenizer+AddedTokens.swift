// SPDX-License-Identifier: Apache-2.0

extension SentencePieceTokenizer {
  /// Id of a token that texts begin or end with.
  static func id(
    of name: String, _ model: SentencePieceModel, _ configuration: TokenizerConfiguration, _ origin: String
  ) throws(ModelError) -> Int32 {
    guard let id = configuration.addedTokens.first(where: { $0.content == name })?.id ?? model.id(of: name) else {
      throw ModelError(.malformed, "\(origin) has no token \(name), which its configuration names")
    }
    return id
  }

  /// The id that transformers gives the next token that is added: as many as there are pieces and tokens behind them.
  static func nextID(
    behind added: [AddedToken], _ model: SentencePieceModel, _ origin: String
  ) throws(ModelError) -> Int32 {
    let id = Int32(model.pieceCount + added.filter { Int($0.id) >= model.pieceCount }.count)
    guard let other = added.first(where: { $0.id == id }) else { return id }
    throw ModelError(
      .unsupported,
      "the tokenizer_config.json or added_tokens.json beside \(origin) gives \"\(other.content)\" the id \(id), which transformers "
        + "would give \(LlamaTokenizer.visualMarker) too; add that to the tokenizer and save it with transformers again"
    )
  }

  /// Refuses what transformers computes otherwise, added tokens that stand in for pieces of the model among it: it gives such pieces
  /// their ids.
  static func requirePieces(
    _ configuration: TokenizerConfiguration, _ model: SentencePieceModel, _ path: String
  ) throws(ModelError) {
    try configuration.refuseSplitting(path)
    if let argument = configuration.modelArguments.first {
      throw ModelError(
        .unsupported,
        "the tokenizer_config.json beside \(path): sp_model_kwargs has \(argument), which is not computed with; take it away"
      )
    }
    var (contents, ids) = (Set<[UInt8]>(), Set<Int32>())
    for token in configuration.addedTokens {
      guard contents.insert(Array(token.content.utf8)).inserted, ids.insert(token.id).inserted else {
        throw refusal(of: token, path, "its content or its id stands there twice")
      }
      let piece = model.id(of: token.content) ?? (token.content == configuration.unknown ? model.unknownID : nil)
      if let piece, piece != token.id {
        throw refusal(of: token, path, "it is a piece of the model with the id \(piece)")
      }
      // transformers finds it where a text begins, by the space that it puts there.
      if !token.isSpecial, token.content.unicodeScalars.contains(underline) {
        throw refusal(of: token, path, "it has the sign that stands for a space")
      }
    }
  }

  private static func refusal(of token: AddedToken, _ path: String, _ problem: String) -> ModelError {
    ModelError(
      .unsupported,
      "the tokenizer_config.json or added_tokens.json beside \(path) has the added token \"\(token.content)\" with the id "
        + "\(token.id), and \(problem), which is not computed with; take it away, or use the tokenizer.json of the checkpoint"
    )
  }
}
