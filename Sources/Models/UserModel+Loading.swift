// SPDX-License-Identifier: Apache-2.0

import Kernels

extension UserModel.Configuration {
  /// Of the published code.
  package static let publishedHistoryItems = 10

  func check() throws(ModelError) {
    guard maxHistoryItems.map({ $0 > 0 }) ?? true, maxPromptTokens > 1, maxItemListTokens > 0 else {
      throw ModelError(.invalidInput, "the limits on history items, prompt and item list tokens must be positive")
    }
    // Rotary tables and scores grow with it; no published checkpoint reads more.
    guard maxPromptTokens <= 1 << 20 else {
      throw ModelError(.invalidInput, "a prompt of \(maxPromptTokens) tokens is beyond what can be computed")
    }
    guard threads.map({ (1...1024).contains($0) }) ?? true else {
      throw ModelError(.invalidInput, "the number of threads must be 1 to 1024")
    }
    guard prefixCacheBytes >= 0, prefixBlockTokens > 0 else {
      throw ModelError(.invalidInput, "the prefix cache's bytes may not be negative, and its blocks need a token")
    }
    guard let spaceWeights else { return }
    guard spaceWeights.count == spaces.count, spaceWeights.allSatisfy(\.isFinite) else {
      throw ModelError(
        .invalidInput, "\(spaceWeights.count) space weights for \(spaces.count) spaces; give one finite number for each"
      )
    }
  }

  /// Newest items of a history that are read.
  ///
  /// - Parameter path: of the file that the notes are from.
  func historyItems(_ notes: TrainingNotes, _ path: String) throws(ModelError) -> Int {
    let places = notes.softTokens.positions
    let published = places > 0 ? min(places, Self.publishedHistoryItems) : Self.publishedHistoryItems
    let items = maxHistoryItems ?? notes.maxHistoryItems ?? published
    guard places == 0 || items <= places else {
      throw ModelError(
        .invalidInput,
        "the newest \(items) items are to be read, and \(path) says that \(places) places have a position; "
          + "read \(places) at most")
    }
    return items
  }

  /// What keys and values are rounded to, whether they are kept or not.
  var keyValueElement: RowStorage.Element {
    prefixCacheElement ?? (loading.precision == .float32 ? .float32 : .bfloat16)
  }

  /// The weights in block order; nil when none were given.
  func weights(of blocks: [Space]) -> [Float]? {
    guard let spaceWeights else { return nil }
    return blocks.map { block in zip(spaces, spaceWeights).first { $0.0 == block }?.1 ?? 0 }
  }
}

extension UserModel {
  /// The token embeddings that were trained with the adaptor, or nil when the checkpoint leaves the LLM's own in place.
  static func trainedEmbeddings(
    _ checkpoint: CheckpointLocation, tokenizer: LlamaTokenizer, width: Int, team: ComputeTeam
  ) throws(ModelError) -> EmbeddingTable? {
    guard CheckpointLocation.exists(checkpoint.tokenEmbeddings) else { return nil }
    let files = try WeightFiles(file: checkpoint.tokenEmbeddings)
    guard files.tensors.count == 1, let name = files.tensors.keys.first else {
      throw ModelError(
        .malformed,
        "\(checkpoint.tokenEmbeddings) holds \(files.tensors.count) tensors; it should hold the embeddings alone")
    }
    var loader = WeightLoader(files, on: team)
    let table = loader.table(name, atLeast: tokenizer.pieceCount, columns: width)
    try loader.finish(expectation: "the tokenizer with \(checkpoint.llm)/config.json")
    return table
  }

  /// The users' projections: into the spaces in use, and into those that the checkpoint also has.
  static func projections(
    _ loader: inout WeightLoader, spaces: [Space], width: Int
  ) -> [(space: Space, projection: SpaceProjection)] {
    var result: [(space: Space, projection: SpaceProjection)] = []
    for space in Space.allCases {
      guard spaces.contains(space) || loader.has("\(SpaceProjection.name(.user, space)).mlp.0.weight") else { continue }
      let projection = SpaceProjection(
        &loader, .user, space, inputDim: width, spaceDim: result.first?.projection.spaceDim)
      result.append((space, projection))
    }
    return result
  }

  static func fingerprints(
    _ checkpoint: CheckpointLocation, llm: LLMFiles, recModule: WeightFiles, spaces: [Space],
    _ arithmetic: MatrixArithmetic, _ digests: FileDigests
  ) throws(ModelError) -> ModelFingerprints {
    var model = Fingerprint()
    model.add(existing: [checkpoint.configuration], part: "checkpoint")
    for path in Set(llm.weights.paths + [llm.configuration] + [llm.beside].compactMap(\.self)) {
      model.add(path, part: "llm")
    }
    model.add(adapter: try AdapterFiles(of: checkpoint)?.paths)
    model.add(existing: try checkpoint.tokenizerFiles(), part: "tokenizer")
    model.add(existing: [checkpoint.tokenEmbeddings], part: "llm_parameter")
    model.addRecModule(checkpoint, recModule)
    return ModelFingerprints(
      model: try model.digest(digests, extra: arithmetic.fingerprintSuffix),
      space: try Fingerprint.space(checkpoint, recModule, spaces, digests), tower: nil)
  }
}
