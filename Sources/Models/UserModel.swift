// SPDX-License-Identifier: Apache-2.0

package import Kernels
import Synchronization

/// Everything that turns histories into user vectors: prompt, tokenizer, frozen LLM and the users' projections. One training
/// over a frozen LLM, which others may share: a batch may hold prompts of several.
///
/// Its methods compute on the calling thread and the model's own threads, and block until they are done: call them from
/// a compute worker. Calls from several threads wait for each other.
package final class UserModel: Sendable {
  /// What a deployment may choose.
  package struct Configuration: Sendable {
    /// Spaces in use.
    package var spaces: [Space]
    /// What each space in use counts, in the order of `spaces`; by default as the checkpoint says, else the same for all, 1 together.
    package var spaceWeights: [Float]?
    /// How histories are told; as the checkpoint was trained by default.
    package var promptStyle: PromptStyle?
    /// Newest items of a history that are read; as many as the checkpoint was trained with by default, else as published.
    package var maxHistoryItems: Int?
    /// Most tokens of a prompt, [REC] included.
    package var maxPromptTokens: Int
    /// A history's item list stays below this many tokens, `<s>` included.
    package var maxItemListTokens: Int
    /// Of the computation; one for each CPU of the process by default.
    package var threads: Int?
    /// Memory for keys and values that prompts share; 0 to keep none.
    package var prefixCacheBytes: Int
    /// How they are kept; by default as 32-bit floats when the matrices are, else as bfloat16. All are rounded to it, kept or
    /// not, so that answers do not depend on what the cache holds, or on whether there is one.
    package var prefixCacheElement: RowStorage.Element?
    /// Tokens of a block: prompts share whole blocks.
    package var prefixBlockTokens: Int
    /// How the LLM's matrices are kept, and who hears of loading.
    package var loading: LoadingOptions

    package init(
      spaces: [Space] = [.image], spaceWeights: [Float]? = nil, promptStyle: PromptStyle? = nil,
      maxHistoryItems: Int? = nil, maxPromptTokens: Int = 4096, maxItemListTokens: Int = 3850, threads: Int? = nil,
      prefixCacheBytes: Int = 1 << 30,
      prefixCacheElement: RowStorage.Element? = nil, prefixBlockTokens: Int = 2,
      loading: LoadingOptions = LoadingOptions()
    ) {
      self.spaces = spaces
      self.spaceWeights = spaceWeights
      self.promptStyle = promptStyle
      self.maxHistoryItems = maxHistoryItems
      self.maxPromptTokens = maxPromptTokens
      self.maxItemListTokens = maxItemListTokens
      self.threads = threads
      self.prefixCacheBytes = prefixCacheBytes
      self.prefixCacheElement = prefixCacheElement
      self.prefixBlockTokens = prefixBlockTokens
      self.loading = loading
    }
  }

  package let fingerprints: ModelFingerprints
  /// Spaces in use, in the order of their blocks.
  package let spaces: [Space]
  /// What each block of a user vector is multiplied with; same order as `spaces`.
  package let spaceWeights: [Float]
  /// What it shares with the other trainings over the LLM.
  package let frozen: FrozenLLM
  /// d.
  package let llmDim: Int
  /// v; 0 when soft tokens are made of more than the image, so that an embedding alone makes none.
  package let embeddingDim: Int
  /// p.
  package let spaceDim: Int
  /// What it holds beside the LLM; token embeddings that another training holds as well are counted for both.
  package let ownBytes: Int

  let prompts: PromptBuilder
  let tokenEmbeddings: TokenEmbeddings  // [V or more, d]
  let recToken: WeightTensor  // [d]   rec_token
  /// Nil when soft tokens are made of more than the image.
  private let adaptor: Adaptor?
  let positions: PlaceVectors?
  /// Every space of the checkpoint.
  private let projections: [(space: Space, projection: SpaceProjection)]
  let prefixNaming: PrefixNaming
  /// Keeps the instruction that every history's prompt begins with in the cache.
  let instruction = Mutex<PrefixLease?>(nil)

  /// Reads `llm/`, `llm_parameter/` and `rec_module/`.
  package convenience init(
    checkpoint: CheckpointLocation, configuration: Configuration = Configuration()
  ) throws(ModelError) {
    let frozen = try FrozenLLM(checkpoint: checkpoint, configuration: configuration)
    try self.init(checkpoint: checkpoint, over: frozen, on: frozen.team)
  }

  /// Reads `llm_parameter/` and `rec_module/`, into memory of its own, and compares `llm/` with the LLM that serves.
  ///
  /// - Parameters:
  ///   - team: that reads; a thread of its own by default, so that what serves computes on.
  ///   - readable: which files may be read.
  /// - Throws: `.frozenPartMismatch` when the checkpoint was trained over another LLM.
  package init(
    checkpoint: CheckpointLocation, over frozen: FrozenLLM, on team: ComputeTeam = ComputeTeam(threads: 1),
    readable: ReadableFiles = .all
  ) throws(ModelError) {
    let configuration = frozen.configuration
    let spaces = try Space.blockOrder(configuration.spaces)
    let width = frozen.llm.configuration.width
    let digests = FileDigests(directory: configuration.loading.packedCache, knowing: frozen.knownDigests, on: team)
    try readable.requireTrainedPart(of: checkpoint)
    try frozen.require(checkpoint, digests)
    let tokenizer = try frozen.tokenizer(of: checkpoint, digests, readable)

    let llmFiles = try LLMFiles(of: checkpoint)
    let recFiles = try WeightFiles(directory: checkpoint.recModule)
    let fingerprints = { () throws(ModelError) in
      try Self.fingerprints(
        checkpoint, llm: llmFiles, recModule: recFiles, spaces: spaces, frozen.arithmetic, digests)
    }
    let before = try fingerprints()
    let notes = try checkpoint.trainingNotes()
    let layout = try checkpoint.softTokenLayout(of: recFiles)
    let historyItems = try configuration.historyItems(notes, checkpoint.recModuleConfiguration)
    let tokenEmbeddings = try frozen.tokenEmbeddings(of: checkpoint, tokenizer, digests, readable, on: team)
    var loader = WeightLoader(recFiles, copies: true, on: team)
    recToken = loader.vector("rec_token", width)
    adaptor = layout.readsImagesAlone ? Adaptor(&loader, layout, softTokenDim: width) : nil
    positions = layout.positions > 0 ? PlaceVectors(&loader, count: layout.positions, width: width) : nil
    projections = Self.projections(&loader, spaces: spaces, width: width)
    try loader.finish(expectation: "the published layout with \(checkpoint.llm)/config.json")

    self.frozen = frozen
    self.spaces = spaces
    self.tokenEmbeddings = tokenEmbeddings
    let given = configuration.weights(of: spaces)
    let trained =
      given == nil ? try notes.weights(of: spaces, path: checkpoint.recModuleConfiguration) : nil
    spaceWeights = given ?? trained ?? spaces.map { _ in 1 / Float(spaces.count) }
    llmDim = width
    embeddingDim = adaptor?.inputDim ?? 0
    spaceDim = projections[0].projection.spaceDim
    ownBytes = loader.loadedBytes + tokenEmbeddings.ownBytes(beside: frozen.tokenEmbeddings)
    prompts = PromptBuilder(
      tokenizer: tokenizer, style: configuration.promptStyle ?? notes.promptStyle ?? .image, softTokenDim: width,
      maxHistoryItems: historyItems, maxPromptTokens: min(configuration.maxPromptTokens, frozen.llm.maxPositions),
      maxItemListTokens: min(configuration.maxItemListTokens, frozen.llm.maxPositions))
    self.fingerprints = try before.requireUnchanged(try fingerprints(), checkpoint)
    digests.save()
    prefixNaming = PrefixNaming(
      model: before.model, positionsPerBlock: configuration.prefixBlockTokens, instruction: prompts.instruction,
      placesCount: positions != nil)
    try keepInstruction()
  }

  /// What the LLM's matrices are multiplied in.
  package var arithmetic: MatrixArithmetic { frozen.arithmetic }
  var llm: LlamaModel { frozen.llm }
  var team: ComputeTeam { frozen.team }
  /// What attention reads keys and values in.
  var keyValueElement: RowStorage.Element { frozen.configuration.keyValueElement }
  /// Nil when it has no bytes to work with. Its blocks are named by training: see ``PrefixNaming``.
  var prefixCache: PrefixCache? { frozen.prefixCache }

  /// Length of a user vector: p for each space in use.
  package var userVectorDim: Int { spaceDim * spaces.count }
  package var maxPromptTokens: Int { prompts.maxPromptTokens }
  package var maxHistoryItems: Int { prompts.maxHistoryItems }
  package var promptStyle: PromptStyle { prompts.template.style }
  /// The prompt of one item, with `<title>`, `<i_vis>` and the like where its values go.
  package var promptTemplate: String { prompts.template.text }

  /// The style's prompt of a history, oldest item first, cut as the published code cuts it.
  ///
  /// - Parameter allowsNone: see ``PromptBuilder/prompt(history:allowsNone:)``.
  package func prompt(history: [HistoryEntry], allowsNone: Bool) throws(ModelError) -> Prompt {
    try prompts.prompt(history: history, allowsNone: allowsNone)
  }

  /// As the other; a newest item that alone is too long is refused.
  package func prompt(history: [HistoryEntry]) throws(ModelError) -> Prompt {
    try prompt(history: history, allowsNone: false)
  }

  /// A caller's own prompt. [REC] follows it.
  package func prompt(parts: [PromptPart]) throws(ModelError) -> Prompt { try prompts.prompt(parts: parts) }

  /// The adaptor's soft tokens of embeddings [n, v]: [n, d].
  package func softTokens(of embeddings: Matrix) throws(ModelError) -> Matrix {
    guard let adaptor else {
      throw ModelError(
        .invalidInput,
        "this checkpoint's soft tokens are made of more than an image's embedding; send soft tokens, as the encoder makes them"
      )
    }
    return try embeddings.mapRows("embedding", columns: embeddingDim, resultColumns: llmDim) {
      adaptor.softTokens(of: $0, on: team)
    }
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
        users.replace(row: row, from: block * spaceDim, with: vectors[row: row].map { $0 * spaceWeights[block] })
      }
    }
    try users.checkFinite("with the space weights, user vector")
    return users
  }

  private func vectors(of hiddenStates: Matrix, _ projection: SpaceProjection) throws(ModelError) -> Matrix {
    try hiddenStates.mapRows("hidden state", columns: llmDim, resultColumns: projection.spaceDim) {
      projection.vectors(of: $0, on: team)
    }
  }
}
