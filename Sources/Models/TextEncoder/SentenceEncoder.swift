// SPDX-License-Identifier: Apache-2.0

import Kernels

/// Turns texts into vectors: a BERT or MPNet encoder from its Hugging Face or sentence-transformers directory.
///
/// Its methods compute on the calling thread and the model's own threads, and block until they are done: call them from a
/// compute worker. Calls from several threads wait for each other.
package final class SentenceEncoder: Sendable {
  package let configuration: TextEncoderConfiguration
  package let tokenizer: WordPieceTokenizer
  package let pooling: SentencePooling
  /// Longer texts are cut off, in tokens with those of beginning and end.
  package let maxTokens: Int
  /// What the matrices are multiplied in.
  package let arithmetic: MatrixArithmetic
  /// SHA-256 over the files and the arithmetic that decide the vectors.
  package let fingerprint: String

  private let model: TextEncoderModel
  private let lowercases: Bool
  let team: ComputeTeam

  /// D.
  package var width: Int { configuration.width }

  /// - Parameters:
  ///   - directory: with `config.json`, weights and vocabulary; `modules.json` and what it names are heeded.
  ///   - threads: of the computation; one for each CPU of the process by default.
  ///   - maxTokens: overrules the checkpoint's own limit, up to the positions that it has.
  package init(
    directory: String, threads: Int? = nil, maxTokens: Int? = nil, loading: LoadingOptions = LoadingOptions()
  ) throws(ModelError) {
    let modules = try SentenceModules(directory: directory)
    let configurationPath = modules.encoder + "/config.json"
    let configuration = try TextEncoderConfiguration(path: configurationPath)
    configuration.unknownKeys.report(to: loading)
    let tokenizer = try WordPieceTokenizer(directory: modules.encoder, family: configuration.family)
    try Self.check(tokenizer, configuration, modules.encoder)
    self.maxTokens = try Self.maxTokens(maxTokens, modules, tokenizer, configuration)
    self.configuration = configuration
    self.tokenizer = tokenizer
    pooling = modules.pooling
    lowercases = modules.lowercases
    arithmetic = MatrixArithmetic(loading)
    team = ComputeTeam(threads: threads ?? ComputeTeam.availableCPUs)

    let files = try WeightFiles(directory: modules.encoder)
    let digests = FileDigests(directory: loading.packedCache, on: team)
    let packer = try MatrixPacker(part: "text-encoder", of: files, loading, digests: digests, on: team)
    // Whole models with a head on top keep the encoder under the family's name.
    let prefix = configuration.family.rawValue + "."
    let isPrefixed = files.tensors[prefix + "embeddings.word_embeddings.weight"] != nil
    var loader = WeightLoader(files, prefix: isPrefixed ? prefix : "", packer: packer, on: team)
    model = TextEncoderModel(configuration, &loader, team: team)
    try loader.finish(expectation: configurationPath)
    packer.save()
    fingerprint = try Self.fingerprint(directory, modules, files, arithmetic, maxTokens: self.maxTokens, digests)
    digests.save()
  }

  /// Ids of a text as the encoder reads it.
  package func tokens(of text: String) -> [Int32] { tokens(of: text, maxTokens: maxTokens) }

  /// Tokens of a text before it is cut.
  func wholeLength(of text: String) -> Int { tokens(of: text, maxTokens: nil).count }

  private func tokens(of text: String, maxTokens: Int?) -> [Int32] {
    tokenizer.encode(lowercases ? text.lowercased() : text, maxTokens: maxTokens)
  }

  /// The vectors of texts that `tokens(of:)` gave: [texts, D]. They are computed together: a few thousand tokens at a time.
  package func vectors(ofTokens texts: [[Int32]]) throws(ModelError) -> Matrix {
    guard !texts.isEmpty else { return Matrix(rows: 0, columns: width) }
    for (index, text) in texts.enumerated() {
      guard 1...configuration.maxTokens ~= text.count, text.allSatisfy({ 0..<Int32(configuration.vocabulary) ~= $0 })
      else {
        throw ModelError(
          .invalidInput,
          "text \(index) has \(text.count) tokens or an id beyond \(configuration.vocabulary); 1 to "
            + "\(configuration.maxTokens) tokens are read")
      }
    }
    let values = model.withHiddenStates(of: texts) { hidden, sequences in pool(hidden, sequences) }
    if let index = values.firstIndex(where: { !$0.isFinite }) {
      throw ModelError(
        .notFinite, "the vector of text \(index / width) is NaN or infinite; check the text encoder's weights")
    }
    return Matrix(rows: texts.count, columns: width, values: values)
  }

  private func pool(_ hidden: borrowing Activations, _ sequences: [SequenceSpan]) -> [Float] {
    var pooled =
      switch pooling.kind {
      case .first: hidden.gathered(sequences.map(\.queries.lowerBound))
      case .mean: team.means(of: hidden, sequences.map(\.queries))
      }
    if pooling.normalises { team.divideByLength(&pooled) }
    return pooled.values
  }
}

extension SentenceEncoder {
  /// The least of what the caller, sentence-transformers' file, the tokenizer and the positions allow.
  private static func maxTokens(
    _ chosen: Int?, _ modules: SentenceModules, _ tokenizer: WordPieceTokenizer,
    _ configuration: TextEncoderConfiguration
  ) throws(ModelError) -> Int {
    let most = configuration.maxTokens
    func checked(_ value: Int, _ origin: String) throws(ModelError) -> Int {
      guard 3...most ~= value else {
        throw ModelError(.invalidInput, "\(origin) is \(value) tokens; this encoder reads 3 to \(most)")
      }
      return value
    }
    if let chosen { return try checked(chosen, "the limit of a text") }
    if let stored = modules.maxTokens { return try checked(stored, "max_seq_length of \(modules.maxTokensPath)") }
    return min(most, max(tokenizer.modelMaxLength ?? most, 3))
  }

  /// Every id that the tokenizer can give must have a row.
  private static func check(
    _ tokenizer: WordPieceTokenizer, _ configuration: TextEncoderConfiguration, _ directory: String
  ) throws(ModelError) {
    guard tokenizer.idCount <= configuration.vocabulary else {
      throw ModelError(
        .malformed,
        "\(directory): the vocabulary has ids up to \(tokenizer.idCount - 1), but config.json says vocab_size "
          + "\(configuration.vocabulary); take both from one checkpoint")
    }
  }

  private static func fingerprint(
    _ directory: String, _ modules: SentenceModules, _ files: WeightFiles, _ arithmetic: MatrixArithmetic,
    maxTokens: Int, _ digests: FileDigests
  ) throws(ModelError) -> String {
    var fingerprint = Fingerprint()
    let names = ["config.json", "vocab.txt", "tokenizer.json", "tokenizer_config.json"]
    fingerprint.add(existing: names.map { "\(modules.encoder)/\($0)" }, part: "text_encoder")
    for path in files.paths { fingerprint.add(path, part: "text_encoder") }
    let pooling = "\(modules.pooling.kind.rawValue) \(modules.pooling.normalises) \(modules.lowercases)"
    return try fingerprint.digest(digests, extra: "\(pooling) \(maxTokens) \(arithmetic.precisionName)")
  }
}
