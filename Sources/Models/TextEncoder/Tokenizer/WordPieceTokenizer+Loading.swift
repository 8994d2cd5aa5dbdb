// SPDX-License-Identifier: Apache-2.0

extension WordPieceTokenizer {
  /// Reads the tokenizer of a checkpoint: the pieces from `vocab.txt`, or from `tokenizer.json` when there is none; how text
  /// is normalised from `tokenizer_config.json`, then from `tokenizer.json`, then by the family's defaults.
  package convenience init(
    directory: String, family: TextEncoderConfiguration.Family
  ) throws(ModelError) {
    let files = try Files(directory: directory, family: family)
    let vocabulary = try WordPieceVocabulary(files.ids(), unknown: files.unknown, origin: files.vocabularyPath)
    let added = try files.addedTokens()
    let normalizer = files.normalizer
    func id(_ name: String) throws(ModelError) -> Int32 {
      guard let id = added.first(where: { $0.content == name })?.id ?? vocabulary.id(of: name) else {
        throw ModelError(.malformed, "\(files.vocabularyPath) has no token \(name), which a text begins or ends with")
      }
      return id
    }
    func recognised(_ token: Added, _ content: [Unicode.Scalar]) -> RecognisedToken {
      RecognisedToken(content: content, id: token.id, isSingleWord: token.singleWord ?? false)
    }
    let raw = added.filter { $0.normalized != true }.map { recognised($0, Array($0.content.unicodeScalars)) }
    let normalised = added.filter { $0.normalized == true }
      .map { recognised($0, normalizer.normalised($0.content.unicodeScalars)) }
    self.init(
      vocabulary: vocabulary, normalizer: normalizer, rawTokens: raw.filter { !$0.content.isEmpty },
      normalisedTokens: normalised.filter { !$0.content.isEmpty }, beginningID: try id(files.beginning),
      endID: try id(files.end), modelMaxLength: files.modelMaxLength)
  }

  /// An entry of `tokenizer.json`'s `added_tokens`. White space that it would strip from its neighbours is dropped anyway.
  fileprivate struct Added: Decodable {
    let content: String
    let id: Int32
    var singleWord: Bool?
    var normalized: Bool?
  }
}

/// The files of a tokenizer, and what they say.
private struct Files {
  /// `tokenizer.json`.
  private struct Whole: Decodable {
    struct Model: Decodable {
      let type: String?
      let unkToken: String?
      let continuingSubwordPrefix: String?
    }
    struct Normalizer: Decodable {
      let type: String?
      let cleanText: Bool?
      let handleChineseChars: Bool?
      let stripAccents: Bool?
      let lowercase: Bool?
    }
    let model: Model?
    let normalizer: Normalizer?
    let addedTokens: [WordPieceTokenizer.Added]?
  }

  /// `tokenizer_config.json`.
  private struct Settings: Decodable {
    let doLowerCase: Bool?
    let stripAccents: Bool?
    let tokenizeChineseChars: Bool?
    let modelMaxLength: Double?
    let clsToken: TokenName?
    let sepToken: TokenName?
    let unkToken: TokenName?
    let padToken: TokenName?
    let maskToken: TokenName?
    let bosToken: TokenName?
    let eosToken: TokenName?
  }

  private let directory: String
  private let family: TextEncoderConfiguration.Family
  private let whole: Whole?
  private let settings: Settings?
  private let hasLines: Bool

  init(directory: String, family: TextEncoderConfiguration.Family) throws(ModelError) {
    self.directory = directory
    self.family = family
    whole = try JSONText.decodeIfPresent(Whole.self, from: directory + "/tokenizer.json")
    settings = try JSONText.decodeIfPresent(Settings.self, from: directory + "/tokenizer_config.json")
    hasLines = CheckpointLocation.exists(directory + "/vocab.txt")
    guard hasLines || whole != nil else {
      throw ModelError(
        .notFound, "\(directory) holds no vocabulary: neither vocab.txt nor tokenizer.json. Copy it from the checkpoint"
      )
    }
    if let type = whole?.model?.type, type != "WordPiece" {
      throw ModelError(.unsupported, "\(directory)/tokenizer.json is a \(type) tokenizer; only WordPiece is computed")
    }
    if let prefix = whole?.model?.continuingSubwordPrefix, prefix != "##" {
      throw ModelError(
        .unsupported, "\(directory)/tokenizer.json continues words with \"\(prefix)\"; only \"##\" is computed")
    }
    if let type = whole?.normalizer?.type, type != "BertNormalizer" {
      throw ModelError(
        .unsupported, "\(directory)/tokenizer.json has the normalizer \(type); only BertNormalizer is computed")
    }
  }

  var vocabularyPath: String { directory + (hasLines ? "/vocab.txt" : "/tokenizer.json") }

  func ids() throws(ModelError) -> [[UInt8]: Int32] {
    if hasLines { return try WordPieceVocabulary.ids(ofLines: vocabularyPath) }
    // Foundation's decoder takes two spellings of one accent for one piece.
    var root = try TokenizerFile(path: vocabularyPath).root
    guard var model = try root.component("model") else {
      throw ModelError(.malformed, "\(vocabularyPath) has no model; copy it from the checkpoint again")
    }
    return try TokenizerVocabulary.pieces(&model)
  }

  var normalizer: WordPieceNormalizer {
    let stored = whole?.normalizer
    let lowercases = settings?.doLowerCase ?? stored?.lowercase ?? true
    return WordPieceNormalizer(
      cleansText: stored?.cleanText ?? true,
      separatesChinese: settings?.tokenizeChineseChars ?? stored?.handleChineseChars ?? true,
      stripsAccents: settings?.stripAccents ?? stored?.stripAccents ?? lowercases, lowercases: lowercases)
  }

  var unknown: String { settings?.unkToken?.content ?? whole?.model?.unkToken ?? "[UNK]" }
  var beginning: String { settings?.clsToken?.content ?? (family == .bert ? "[CLS]" : "<s>") }
  var end: String { settings?.sepToken?.content ?? (family == .bert ? "[SEP]" : "</s>") }

  /// Nil where there is no limit, which the files write as a number beyond all sizes.
  var modelMaxLength: Int? { settings?.modelMaxLength.flatMap { (1...1e6).contains($0) ? Int($0) : nil } }

  /// Those of `tokenizer.json`; without it the family's special tokens, as Hugging Face makes them.
  func addedTokens() throws(ModelError) -> [WordPieceTokenizer.Added] {
    if let added = whole?.addedTokens { return added }
    let isBERT = family == .bert
    var names = [
      settings?.padToken?.content ?? (isBERT ? "[PAD]" : "<pad>"), unknown, beginning, end,
      settings?.maskToken?.content ?? (isBERT ? "[MASK]" : "<mask>"),
    ]
    if !isBERT { names += [settings?.bosToken?.content ?? "<s>", settings?.eosToken?.content ?? "</s>"] }
    let ids = try ids()
    return names.compactMap { name in ids[Array(name.utf8)].map { WordPieceTokenizer.Added(content: name, id: $0) } }
  }
}

/// A token's name, alone or as an object.
private struct TokenName: Decodable {
  let content: String

  init(from decoder: any Decoder) throws {
    struct Whole: Decodable { let content: String }
    if let text = try? decoder.singleValueContainer().decode(String.self) {
      content = text
    } else {
      content = try Whole(from: decoder).content
    }
  }
}
