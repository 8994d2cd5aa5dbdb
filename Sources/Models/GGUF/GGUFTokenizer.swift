// SPDX-License-Identifier: Apache-2.0

extension PipelineTokenizer {
  /// The byte-level tokenizer of a GGUF file, id for id as the model's `tokenizer.json` in Hugging Face's tokenizers.
  convenience init(_ vocabulary: inout GGUFVocabulary) throws(ModelError) {
    try vocabulary.refuseOthers()
    let name = try vocabulary.text("pre") ?? "default"
    guard let pattern = GGUFWordPattern(named: name) else {
      throw ModelError(
        .unsupported,
        "\(vocabulary.path): \(GGUFVocabulary.prefix)pre is \"\(name)\"; texts are cut as \(GGUFWordPattern.knownNames) do. Put the "
          + "model's tokenizer.json beside it")
    }
    let ids = try vocabulary.ids()
    let added = vocabulary.addedTokens
    guard let merges = try vocabulary.texts("merges") else { throw Self.unreadable(vocabulary.path, "has none") }
    // Tokens that steer the model are no words; of the user's own, some are.
    let words = pattern.findsWholeWords ? ids.filter { vocabulary.kinds[Int($0.value)] != .control } : nil
    guard
      let pieces = TokenizerVocabulary(byteLevel: ids, words: words, merges: try Self.pairs(merges, vocabulary.path))
    else { throw Self.unreadable(vocabulary.path, "join what is no token") }
    var steps = pattern.preTokenizer
    if try vocabulary.flag("add_space_prefix") == true { steps.steps.insert(.space, at: 0) }
    let beginning = try Self.surrounding(
      &vocabulary, "add_bos_token", "bos_token_id", isDefault: pattern.addsBeginning)
    let end = try Self.surrounding(&vocabulary, "add_eos_token", "eos_token_id", isDefault: false)
    let marker =
      added.first { $0.content == LlamaTokenizer.visualMarker }
      ?? AddedToken(
        content: LlamaTokenizer.visualMarker,
        id: ids[Array(LlamaTokenizer.visualMarker.utf8)] ?? Int32(vocabulary.tokens.count), isNormalized: true)
    let parts = TokenizerPipeline.Parts(
      normalizer: pattern.normalizer, preTokenizer: steps, model: pieces.model,
      addedTokens: added.filter { $0 != marker } + [marker], beginning: beginning, end: end,
      longestPiece: pattern.normalizer.growth.flatMap { growth in pieces.longestPiece.map { $0 * growth } },
      mostID: Int32(vocabulary.tokens.count) - 1)
    try self.init(
      TokenizerPipeline(parts, marker: marker), path: vocabulary.path, end: vocabulary.token("eos_token_id")?.content)
  }

  /// The token around every text, where the file asks for it.
  private static func surrounding(
    _ vocabulary: inout GGUFVocabulary, _ flag: String, _ token: String, isDefault: Bool
  ) throws(ModelError) -> [Int32] {
    guard try vocabulary.flag(flag) ?? isDefault else { return [] }
    guard let found = try vocabulary.token(token) else {
      throw ModelError(
        .malformed, "\(vocabulary.path) asks for the token of \(GGUFVocabulary.prefix)\(token), and does not name it")
    }
    return [found.id]
  }

  /// A rule is two tokens with a space between them; in the alphabet of bytes, none holds a space.
  private static func pairs(_ rules: [[UInt8]], _ path: String) throws(ModelError) -> [([UInt8], [UInt8])] {
    var pairs: [([UInt8], [UInt8])] = []
    pairs.reserveCapacity(rules.count)
    for rule in rules {
      let parts = rule.split(separator: 0x20, omittingEmptySubsequences: false)
      guard parts.count == 2 else { throw unreadable(path, "have \"\(String(decoding: rule, as: UTF8.self))\"") }
      pairs.append((Array(parts[0]), Array(parts[1])))
    }
    return pairs
  }

  private static func unreadable(_ path: String, _ problem: String) -> ModelError {
    ModelError(.malformed, "\(path): \(GGUFVocabulary.prefix)merges \(problem); convert the model again")
  }
}

extension SentencePieceTokenizer {
  /// The SentencePiece tokenizer of a GGUF file, as of the `tokenizer.model` that it was converted from.
  convenience init(_ vocabulary: inout GGUFVocabulary) throws(ModelError) {
    try vocabulary.refuseOthers()
    // Phi-3's is not in the legacy mode, and Gemma has pieces of its own that are cut off first; the files say neither.
    if let architecture = try vocabulary.architecture(), architecture != GGUFArchitecture.llama.name {
      throw vocabulary.refusal(
        of: "model",
        "of the architecture \"\(architecture)\", the file does not say all that ids depend on: put the model's tokenizer.model "
          + "with its tokenizer_config.json, or its tokenizer.json, beside it")
    }
    guard let scores = try vocabulary.floats("scores"), scores.count == vocabulary.tokens.count else {
      throw ModelError(.malformed, "\(vocabulary.path): \(GGUFVocabulary.prefix)scores are not as many as the tokens")
    }
    let pieces = SentencePieceFile(
      pieces: zip(vocabulary.tokens, scores).map { .init(text: $0, score: $1) },
      kinds: vocabulary.kinds.map { $0 == .userDefined ? GGUFVocabulary.Kind.control.rawValue : $0.rawValue })
    let addsBeginning = try vocabulary.flag("add_bos_token") ?? true
    let addsEnd = try vocabulary.flag("add_eos_token") ?? false
    let addsSpace = try vocabulary.flag("add_space_prefix") ?? true
    let configuration = TokenizerConfiguration(
      addedTokens: vocabulary.addedTokens, addsBeginning: addsBeginning, addsEnd: addsEnd,
      addsPrefixSpace: addsSpace, beginning: try vocabulary.token("bos_token_id")?.content,
      end: try vocabulary.token("eos_token_id")?.content, unknown: try vocabulary.token("unknown_token_id")?.content)
    let model = try SentencePieceModel(pieces.bytes, origin: vocabulary.path)
    try self.init(model, configuration, origin: vocabulary.path)
  }
}
