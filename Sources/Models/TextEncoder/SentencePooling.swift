// SPDX-License-Identifier: Apache-2.0

/// How the vectors of a text's tokens become one.
package struct SentencePooling: Sendable, Equatable {
  package enum Kind: String, Sendable {
    /// Of all tokens, those of beginning and end included.
    case mean
    /// The vector of the first token.
    case first = "cls"
  }

  package var kind = Kind.mean
  /// Vectors are divided by their length.
  package var normalises = false
}

/// What the files of sentence-transformers say beside a model: which directory holds it, and what follows it.
///
/// - Source: sentence-transformers, `modules.json` and the `config.json` of a `Pooling` module.
struct SentenceModules: Sendable {
  /// Of the encoder's own files.
  let encoder: String
  let pooling: SentencePooling
  /// The longest text in tokens, where the files say so.
  let maxTokens: Int?
  let maxTokensPath: String
  /// Every text is put in lower case before anything else.
  let lowercases: Bool

  private struct Module: Decodable {
    let path: String
    let type: String

    /// `sentence_transformers.models.Pooling` is called Pooling.
    var name: String { type.split(separator: ".").last.map(String.init) ?? type }
  }

  private struct Transformer: Decodable {
    let maxSeqLength: Int?
    let doLowerCase: Bool?
  }

  /// Reads `modules.json` and what it names. Without one, a directory is a bare Hugging Face model: its mean is taken, as
  /// sentence-transformers does then.
  init(directory: String) throws(ModelError) {
    let path = directory + "/modules.json"
    let modules = try JSONText.decodeIfPresent([Module].self, from: path) ?? [Module(path: "", type: "Transformer")]
    guard let first = modules.first, first.name == "Transformer" else {
      throw ModelError(
        .unsupported, "\(path): the first module is not a Transformer but \(modules.first?.type ?? "none")")
    }
    var pooling = SentencePooling()
    for module in modules.dropFirst() {
      switch module.name {
      case "Pooling": pooling.kind = try Self.kind("\(try Self.directory(directory, module, path))/config.json")
      case "Normalize": pooling.normalises = true
      default:
        throw ModelError(
          .unsupported,
          "\(path): the module \(module.type) is not computed; only Transformer, Pooling and Normalize are")
      }
    }
    try Self.refusePrompt(directory + "/config_sentence_transformers.json")
    encoder = try Self.directory(directory, first, path)
    self.pooling = pooling
    maxTokensPath = encoder + "/sentence_bert_config.json"
    try SentenceSettings.require(in: encoder)
    let transformer = try JSONText.decodeIfPresent(Transformer.self, from: maxTokensPath)
    maxTokens = transformer?.maxSeqLength
    lowercases = transformer?.doLowerCase ?? false
  }

  /// sentence-transformers puts a model's default prompt before every text.
  private static func refusePrompt(_ path: String) throws(ModelError) {
    struct File: Decodable { let defaultPromptName: String? }
    guard let name = try JSONText.decodeIfPresent(File.self, from: path)?.defaultPromptName else { return }
    throw ModelError(
      .unsupported,
      "\(path): default_prompt_name is \"\(name)\", and texts are computed without a prompt; set it to null where that is meant"
    )
  }

  private static func directory(_ directory: String, _ module: Module, _ path: String) throws(ModelError) -> String {
    guard !module.path.contains("/"), module.path != ".." else {
      throw ModelError(.malformed, "\(path) names the directory \"\(module.path)\", which is not one beside it")
    }
    return module.path.isEmpty ? directory : "\(directory)/\(module.path)"
  }

  /// Older files have a flag for each kind, newer ones a name.
  private static func kind(_ path: String) throws(ModelError) -> SentencePooling.Kind {
    struct File: Decodable {
      let poolingMode: String?
      let poolingModeClsToken: Bool?
      let poolingModeMeanTokens: Bool?
      let poolingModeMaxTokens: Bool?
      let poolingModeMeanSqrtLenTokens: Bool?
      let poolingModeWeightedmeanTokens: Bool?
      let poolingModeLasttoken: Bool?
    }
    let file = try JSONText.decode(File.self, from: path)
    let flags: [(name: String, isSet: Bool?)] = [
      ("cls", file.poolingModeClsToken), ("mean", file.poolingModeMeanTokens), ("max", file.poolingModeMaxTokens),
      ("mean_sqrt_len_tokens", file.poolingModeMeanSqrtLenTokens),
      ("weightedmean", file.poolingModeWeightedmeanTokens), ("lasttoken", file.poolingModeLasttoken),
    ]
    let named = flags.filter { $0.isSet == true }.map(\.name)
    let names = file.poolingMode.map { [$0] } ?? named
    guard names.count == 1, let kind = SentencePooling.Kind(rawValue: names[0]) else {
      let found = names.isEmpty ? "none" : names.joined(separator: " and ")
      throw ModelError(.unsupported, "\(path): the pooling is \(found); either mean or cls is computed")
    }
    return kind
  }
}
