// SPDX-License-Identifier: Apache-2.0

import Kernels
import Synchronization

/// What all trainings over one LLM share: its weights, packed once, its own token embeddings, the tokenizer, the threads, and
/// the memory for keys and values.
///
/// It never changes once it is loaded, and lives as long as a ``UserModel`` that computes with it.
package final class FrozenLLM: Sendable {
  /// Over the LLM's shape, weights and scaling of positions, and the precision: equal ones compute the same.
  package let fingerprint: String
  package let arithmetic: MatrixArithmetic
  let configuration: UserModel.Configuration
  let llm: LlamaModel
  let team: ComputeTeam
  /// `embed_tokens.weight`; nil when it cannot be used, and every training has to bring its own.
  let tokenEmbeddings: EmbeddingTable?
  /// Nil when it has no bytes to work with.
  let prefixCache: PrefixCache?
  let knownDigests: FileDigests.Known
  private let tokenizer: LlamaTokenizer
  private let part: FrozenPart
  private let tokenizerPart: FrozenPart
  /// Of the trainings that are held, by the digest of their file.
  private let trainedEmbeddings = Mutex<[String: Weak<TokenEmbeddings>]>([:])

  /// Reads `llm/`.
  package init(
    checkpoint: CheckpointLocation, configuration: UserModel.Configuration = .init()
  ) throws(ModelError) {
    _ = try Space.blockOrder(configuration.spaces)
    try configuration.check()
    let team = ComputeTeam(threads: configuration.threads ?? ComputeTeam.availableCPUs)
    let source = try LLMFiles(of: checkpoint)
    let (path, shape, files) = (source.configuration, source.shape, source.weights)
    shape.unknownKeys.report(to: configuration.loading)
    for name in checkpoint.unreadGGUF {
      configuration.loading.report(
        .note(
          "\(checkpoint.llm)/\(name) is not read: the weights beside it are; --llm-weights names the one that is meant")
      )
    }
    tokenizer = try LlamaTokenizer(of: checkpoint, configuration.loading)
    let adapter = try LoRAAdapter(of: checkpoint, over: files, configuration.loading)
    let digests = FileDigests(directory: configuration.loading.packedCache, on: team)
    let packer = try MatrixPacker(
      part: "llm", of: files, adapter: adapter, configuration.loading, digests: digests, on: team)
    var loader = WeightLoader(
      files, prefix: LlamaModel.prefix(in: files), packer: packer, adapter: adapter,
      loadedAs: source.loadedPrecision, on: team)
    llm = LlamaModel(shape, &loader, maxPositions: configuration.maxPromptTokens, team: team)
    if llm.maxPositions < configuration.maxPromptTokens {
      configuration.loading.report(
        .note("prompts of up to \(llm.maxPositions) tokens are read: the LLM's positions do not go further"))
    }
    let pieces = tokenizer.pieceCount
    if CheckpointLocation.exists(checkpoint.tokenEmbeddings) {
      // Its own are read by nobody yet: what is wrong with them is a problem of who comes without others.
      var own = WeightLoader(
        files, prefix: LlamaModel.prefix(in: files), loadedAs: source.loadedPrecision, on: team)
      let table = own.table("embed_tokens.weight", atLeast: 1, columns: shape.width)
      tokenEmbeddings = (try? own.finish(expectation: path)).map { table }
    } else {
      tokenEmbeddings = loader.table("embed_tokens.weight", atLeast: pieces, columns: shape.width)
    }
    try loader.finish(expectation: path)
    packer.save()

    self.configuration = configuration
    self.team = team
    arithmetic = MatrixArithmetic(configuration.loading)
    part = try Self.part(checkpoint, files, shape, digests)
    tokenizerPart = try Self.tokenizerPart(checkpoint, digests)
    fingerprint = part.fingerprint(extra: arithmetic.fingerprintSuffix)
    prefixCache = UserModel.prefixCache(configuration, llm)
    digests.save()
    knownDigests = digests.known
  }

  /// - Throws: `.frozenPartMismatch` unless the LLM of `checkpoint` is this one.
  func require(_ checkpoint: CheckpointLocation, _ digests: FileDigests) throws(ModelError) {
    let source = try LLMFiles(of: checkpoint)
    try part.require(try Self.part(checkpoint, source.weights, source.shape, digests), in: checkpoint.directory)
  }

  /// The checkpoint's tokenizer: the one that serves when the two are the same.
  func tokenizer(
    of checkpoint: CheckpointLocation, _ digests: FileDigests, _ readable: ReadableFiles
  ) throws(ModelError) -> LlamaTokenizer {
    let part = try Self.tokenizerPart(checkpoint, digests)
    guard part.contents != tokenizerPart.contents else { return tokenizer }
    for path in try checkpoint.tokenizerFiles() { try readable.require(path) }
    return try LlamaTokenizer(of: checkpoint, configuration.loading)
  }

  /// The token embeddings of a checkpoint: those of this LLM, or of a training that has the same, where they are equal.
  func tokenEmbeddings(
    of checkpoint: CheckpointLocation, _ tokenizer: LlamaTokenizer, _ digests: FileDigests, _ readable: ReadableFiles,
    on team: ComputeTeam
  ) throws(ModelError) -> TokenEmbeddings {
    guard CheckpointLocation.exists(checkpoint.tokenEmbeddings) else {
      return try ownEmbeddings(for: tokenizer, checkpoint)
    }
    let digest = try digests.digest(of: checkpoint.tokenEmbeddings)
    if let held = trainedEmbeddings.withLock({ $0[digest]?.value }), held.rows >= tokenizer.pieceCount { return held }
    try readable.require(checkpoint.tokenEmbeddings)
    guard
      let trained = try UserModel.trainedEmbeddings(
        checkpoint, tokenizer: tokenizer, width: llm.configuration.width, team: team)
    else { return try ownEmbeddings(for: tokenizer, checkpoint) }
    let embeddings = TokenEmbeddings(trained: trained, over: tokenEmbeddings)
    trainedEmbeddings.withLock { held in
      held = held.filter { $0.value.value != nil }
      held[digest] = Weak(embeddings)
    }
    return embeddings
  }

  private func ownEmbeddings(
    for tokenizer: LlamaTokenizer, _ checkpoint: CheckpointLocation
  ) throws(ModelError) -> TokenEmbeddings {
    guard let tokenEmbeddings, tokenEmbeddings.rows >= tokenizer.pieceCount else {
      throw ModelError(
        .tensorMismatch,
        "\(checkpoint.directory) has no \(checkpoint.tokenEmbeddings), and the LLM that serves has embed_tokens.weight for "
          + "\(tokenEmbeddings?.rows ?? 0) of its tokenizer's \(tokenizer.pieceCount) tokens")
    }
    return TokenEmbeddings(frozen: tokenEmbeddings)
  }
}

extension FrozenLLM {
  private static func part(
    _ checkpoint: CheckpointLocation, _ files: WeightFiles, _ shape: LlamaConfiguration, _ digests: FileDigests
  ) throws(ModelError) -> FrozenPart {
    var fingerprint = Fingerprint()
    for path in files.paths { fingerprint.add(path, part: "llm") }
    // By its bytes alone: what may not be read may still be compared.
    fingerprint.add(adapter: try AdapterFiles(of: checkpoint)?.paths)
    var contents = try fingerprint.fileDigests(digests)
    contents["llm/config.json"] = shape.computedSizes
    contents["the scaling of positions by model_max_length"] = "\(shape.ropeScaling)"
    return FrozenPart(name: "LLM", contents: contents)
  }

  private static func tokenizerPart(
    _ checkpoint: CheckpointLocation, _ digests: FileDigests
  ) throws(ModelError) -> FrozenPart {
    var fingerprint = Fingerprint()
    fingerprint.add(existing: try checkpoint.tokenizerFiles(), part: "tokenizer")
    return FrozenPart(name: "tokenizer", contents: try fingerprint.fileDigests(digests))
  }
}

extension LlamaConfiguration {
  /// Everything of it that is computed with, but for the scaling of positions.
  var computedSizes: String {
    let numbers = [width, layers, heads, keyValueHeads, headWidth, feedForwardWidth, vocabulary].map(String.init)
    let plain =
      (numbers + ["\(normEpsilon)", "\(ropeBase)", "\(ropePrecision)", "\(attentionHasBias)", "\(feedForwardHasBias)"])
      .joined(separator: " ")
    return decoder == DecoderDescription() ? plain : "\(plain) \(decoder)"
  }
}

/// A reference that keeps nothing alive.
private struct Weak<Object: AnyObject & Sendable>: Sendable {
  weak var value: Object?

  init(_ value: Object) { self.value = value }
}
