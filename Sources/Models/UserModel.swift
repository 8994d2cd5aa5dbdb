import Kernels

/// Everything that turns histories into user vectors: prompt, tokenizer, frozen LLM and the users' projections.
///
/// Its methods compute on the calling thread and the model's own threads, and block until they are done: call them from
/// a compute worker. Calls from several threads wait for each other.
package final class UserModel: Sendable {
  /// What a deployment may choose.
  package struct Configuration: Sendable {
    /// Spaces in use.
    package var spaces: [Space]
    /// What each space in use counts, in the order of `spaces`; the same for all, 1 together, by default.
    package var spaceWeights: [Float]?
    /// Newest items of a history that are read.
    package var maxHistoryItems: Int
    /// Most tokens of a prompt, [REC] included.
    package var maxPromptTokens: Int
    /// A history's item list stays below this many tokens, `<s>` included.
    package var maxItemListTokens: Int
    /// Of the computation; one for each CPU of the process by default.
    package var threads: Int?

    package init(
      spaces: [Space] = [.image], spaceWeights: [Float]? = nil, maxHistoryItems: Int = 10, maxPromptTokens: Int = 4096,
      maxItemListTokens: Int = 3850, threads: Int? = nil
    ) {
      self.spaces = spaces
      self.spaceWeights = spaceWeights
      self.maxHistoryItems = maxHistoryItems
      self.maxPromptTokens = maxPromptTokens
      self.maxItemListTokens = maxItemListTokens
      self.threads = threads
    }
  }

  package let fingerprints: ModelFingerprints
  /// Spaces in use, in the order of their blocks.
  package let spaces: [Space]
  /// What each block of a user vector is multiplied with; same order as `spaces`.
  package let spaceWeights: [Float]
  /// d.
  package let llmDim: Int
  /// v.
  package let embeddingDim: Int
  /// p.
  package let spaceDim: Int

  private let prompts: PromptBuilder
  private let llm: LlamaModel
  private let tokenEmbeddings: WeightTensor  // [V or more, d]
  private let recToken: WeightTensor  // [d]   rec_token
  private let adaptor: Adaptor
  /// Every space of the checkpoint.
  private let projections: [(space: Space, projection: SpaceProjection)]
  private let team: ComputeTeam

  /// Reads `llm/`, `llm_parameter/` and `rec_module/`.
  package init(checkpoint: CheckpointLocation, configuration: Configuration = Configuration()) throws(ModelError) {
    let spaces = try Space.blockOrder(configuration.spaces)
    try configuration.check()
    let team = ComputeTeam(threads: configuration.threads ?? ComputeTeam.availableCPUs)
    let llmPath = checkpoint.llm + "/config.json"
    let shape = try LlamaConfiguration(path: llmPath, trainedContext: try checkpoint.trainedContext())
    let tokenizer = try LlamaTokenizer(directory: checkpoint.tokenizer)

    let llmFiles = try WeightFiles(directory: checkpoint.llm)
    var llmLoader = WeightLoader(llmFiles, prefix: LlamaModel.prefix(in: llmFiles), on: team)
    llm = LlamaModel(shape, &llmLoader, maxPositions: configuration.maxPromptTokens, team: team)
    let trained = try Self.trainedEmbeddings(checkpoint, tokenizer: tokenizer, width: shape.width, team: team)
    tokenEmbeddings =
      trained
      ?? llmLoader.table("embed_tokens.weight", atLeast: tokenizer.pieceCount, columns: shape.width)
    try llmLoader.finish(expectation: llmPath)

    let recFiles = try WeightFiles(directory: checkpoint.recModule)
    var loader = WeightLoader(recFiles, on: team)
    recToken = loader.vector("rec_token", shape.width)
    adaptor = Adaptor(&loader, softTokenDim: shape.width)
    projections = Self.projections(&loader, spaces: spaces, width: shape.width)
    try loader.finish(expectation: "the published layout with \(llmPath)")

    self.spaces = spaces
    spaceWeights = configuration.weights(of: spaces)
    self.team = team
    llmDim = shape.width
    embeddingDim = adaptor.embeddingDim
    spaceDim = projections[0].projection.spaceDim
    prompts = PromptBuilder(
      tokenizer: tokenizer, softTokenDim: shape.width, maxHistoryItems: configuration.maxHistoryItems,
      maxPromptTokens: configuration.maxPromptTokens, maxItemListTokens: configuration.maxItemListTokens)
    fingerprints = try Self.fingerprints(checkpoint, llm: llmFiles, recModule: recFiles, spaces: spaces)
  }

  /// Length of a user vector: p for each space in use.
  package var userVectorDim: Int { spaceDim * spaces.count }
  package var maxPromptTokens: Int { prompts.maxPromptTokens }
  package var maxHistoryItems: Int { prompts.maxHistoryItems }
  /// The history prompt, with `<title>` and `<i_vis>` where an item's values go.
  package var promptTemplate: String { PromptTemplate.text }

  /// The published template over a history, oldest item first, cut as the published code cuts it.
  package func prompt(history: [HistoryEntry]) throws(ModelError) -> Prompt { try prompts.prompt(history: history) }

  /// A caller's own prompt. [REC] follows it.
  package func prompt(parts: [PromptPart]) throws(ModelError) -> Prompt { try prompts.prompt(parts: parts) }

  /// The adaptor's soft tokens of embeddings [n, v]: [n, d].
  package func softTokens(of embeddings: Matrix) throws(ModelError) -> Matrix {
    try embeddings.mapRows("embedding", columns: embeddingDim, resultColumns: llmDim) {
      adaptor.softTokens(of: $0, on: team)
    }
  }

  /// The LLM's last hidden state, after the final norm, at each prompt's [REC]: [B, d].
  ///
  /// - Parameter isCancelled: asked between layers; the call throws `.cancelled` once it says so.
  package func hiddenStates(
    of prompts: [Prompt], isCancelled: () -> Bool = { false }
  ) throws(ModelError) -> Matrix {
    guard !prompts.isEmpty else { return Matrix(rows: 0, columns: llmDim) }
    let rows = try embeddingRows(of: prompts)
    let hidden = try llm.lastHiddenStates(of: rows, lengths: prompts.map(\.tokenCount), isCancelled: isCancelled)
    if let index = team.firstNotFinite(hidden) {
      throw ModelError(
        .notFinite,
        "the hidden state of prompt \(index / llmDim) is NaN or infinite: its soft tokens or the LLM's weights are too large"
      )
    }
    return Matrix(rows: prompts.count, columns: llmDim, values: hidden.values)
  }

  /// The projections of hidden states [B, d] into every space of the checkpoint, unscaled: [B, p] each.
  package func spaceVectors(of hiddenStates: Matrix) throws(ModelError) -> [(space: Space, vectors: Matrix)] {
    var result: [(space: Space, vectors: Matrix)] = []
    for (space, projection) in projections {
      result.append((space, try vectors(of: hiddenStates, projection)))
    }
    return result
  }

  /// The queries of hidden states [B, d]: [B, userVectorDim], a block for each space in use, scaled by its weight.
  package func userVectors(of hiddenStates: Matrix) throws(ModelError) -> Matrix {
    var users = Matrix(rows: hiddenStates.rows, columns: userVectorDim)
    for (space, projection) in projections {
      guard let block = spaces.firstIndex(of: space) else { continue }
      let vectors = try vectors(of: hiddenStates, projection)
      for row in 0..<users.rows {
        let start = row * userVectorDim + block * spaceDim
        users.values.replaceSubrange(
          start..<start + spaceDim, with: vectors[row: row].map { $0 * spaceWeights[block] })
      }
    }
    return users
  }

  private func vectors(of hiddenStates: Matrix, _ projection: SpaceProjection) throws(ModelError) -> Matrix {
    try hiddenStates.mapRows("hidden state", columns: llmDim, resultColumns: projection.spaceDim) {
      projection.vectors(of: $0, on: team)
    }
  }
}

extension UserModel {
  /// What the LLM reads: token embeddings, soft tokens where a prompt has them, and [REC] at each prompt's end.
  private func embeddingRows(of prompts: [Prompt]) throws(ModelError) -> Activations {
    for (index, prompt) in prompts.enumerated() { try check(prompt, index) }
    var rows = Activations(rows: prompts.reduce(0) { $0 + $1.tokenCount }, width: llmDim)
    var start = 0
    for prompt in prompts {
      var softTokens = zip(prompt.softTokenPositions, prompt.softTokens).makeIterator()
      var next = softTokens.next()
      for (offset, id) in prompt.tokenIDs.enumerated() {
        if let (position, softToken) = next, position == offset {
          rows.setRow(start + offset, to: softToken)
          next = softTokens.next()
        } else {
          rows.setRow(start + offset, toRow: Int(id), of: tokenEmbeddings)
        }
      }
      rows.setRow(start + prompt.recPosition, toRow: 0, of: recToken.reshaped([1, llmDim]))
      start += prompt.tokenCount
    }
    return rows
  }

  private func check(_ prompt: Prompt, _ index: Int) throws(ModelError) {
    guard prompt.tokenCount <= maxPromptTokens else {
      throw ModelError(
        .promptTooLong, "prompt \(index) has \(prompt.tokenCount) tokens with [REC]; \(maxPromptTokens) are read")
    }
    guard prompt.softTokens.count == prompt.softTokenPositions.count else {
      throw ModelError(.invalidInput, "prompt \(index) was built without soft tokens; it can only be counted")
    }
    for softToken in prompt.softTokens {
      guard softToken.count == llmDim else {
        throw ModelError(
          .invalidInput,
          "prompt \(index) has a soft token of \(softToken.count) elements; this checkpoint's have \(llmDim)")
      }
      guard softToken.allSatisfy(\.isFinite) else {
        throw ModelError(.notFinite, "prompt \(index) has a soft token that is NaN or infinite")
      }
    }
    let marked = Set(prompt.softTokenPositions)
    if let position = prompt.tokenIDs.indices.first(where: {
      !marked.contains($0) && !(0..<tokenEmbeddings.shape[0]).contains(Int(prompt.tokenIDs[$0]))
    }) {
      throw ModelError(
        .invalidInput,
        "token \(position) of prompt \(index) has the id \(prompt.tokenIDs[position]); the checkpoint has embeddings for "
          + "\(tokenEmbeddings.shape[0])")
    }
  }
}
