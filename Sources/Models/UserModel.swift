// SPDX-License-Identifier: Apache-2.0

package import Kernels
import Synchronization

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
    /// How histories are told; as the checkpoint was trained by default.
    package var promptStyle: PromptStyle?
    /// Newest items of a history that are read.
    package var maxHistoryItems: Int
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
      maxHistoryItems: Int = 10, maxPromptTokens: Int = 4096, maxItemListTokens: Int = 3850, threads: Int? = nil,
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
  /// What the LLM's matrices are multiplied in.
  package let arithmetic: MatrixArithmetic
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

  let prompts: PromptBuilder
  let llm: LlamaModel
  let tokenEmbeddings: EmbeddingTable  // [V or more, d]
  let recToken: WeightTensor  // [d]   rec_token
  private let adaptor: Adaptor
  /// Every space of the checkpoint.
  private let projections: [(space: Space, projection: SpaceProjection)]
  let team: ComputeTeam
  let prefixNaming: PrefixNaming
  /// What attention reads keys and values in.
  let keyValueElement: RowStorage.Element
  /// Nil when it has no bytes to work with.
  let prefixCache: PrefixCache?
  /// Keeps the instruction that every history's prompt begins with in the cache.
  let instruction = Mutex<PrefixLease?>(nil)

  /// Reads `llm/`, `llm_parameter/` and `rec_module/`.
  package init(checkpoint: CheckpointLocation, configuration: Configuration = Configuration()) throws(ModelError) {
    let spaces = try Space.blockOrder(configuration.spaces)
    try configuration.check()
    let team = ComputeTeam(threads: configuration.threads ?? ComputeTeam.availableCPUs)
    let llmPath = checkpoint.llm + "/config.json"
    let shape = try LlamaConfiguration(path: llmPath, trainedContext: try checkpoint.trainedContext())
    let tokenizer = try LlamaTokenizer(directory: checkpoint.tokenizer)

    let llmFiles = try WeightFiles(directory: checkpoint.llm)
    let digests = FileDigests(directory: configuration.loading.packedCache, on: team)
    let packer = try MatrixPacker(part: "llm", of: llmFiles, configuration.loading, digests: digests, on: team)
    var llmLoader = WeightLoader(llmFiles, prefix: LlamaModel.prefix(in: llmFiles), packer: packer, on: team)
    llm = LlamaModel(shape, &llmLoader, maxPositions: configuration.maxPromptTokens, team: team)
    let trained = try Self.trainedEmbeddings(checkpoint, tokenizer: tokenizer, width: shape.width, team: team)
    tokenEmbeddings =
      trained
      ?? llmLoader.table("embed_tokens.weight", atLeast: tokenizer.pieceCount, columns: shape.width)
    try llmLoader.finish(expectation: llmPath)
    packer.save()

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
      tokenizer: tokenizer, style: try configuration.style(of: checkpoint),
      softTokenDim: shape.width, maxHistoryItems: configuration.maxHistoryItems,
      maxPromptTokens: configuration.maxPromptTokens, maxItemListTokens: configuration.maxItemListTokens)
    arithmetic = MatrixArithmetic(configuration.loading)
    fingerprints = try Self.fingerprints(
      checkpoint, llm: llmFiles, recModule: recFiles, spaces: spaces, arithmetic, digests)
    digests.save()
    prefixNaming = PrefixNaming(
      model: fingerprints.model, positionsPerBlock: configuration.prefixBlockTokens, instruction: prompts.instruction)
    keyValueElement = configuration.keyValueElement
    prefixCache = Self.prefixCache(configuration, llm)
    try keepInstruction()
  }

  /// Length of a user vector: p for each space in use.
  package var userVectorDim: Int { spaceDim * spaces.count }
  package var maxPromptTokens: Int { prompts.maxPromptTokens }
  package var maxHistoryItems: Int { prompts.maxHistoryItems }
  package var promptStyle: PromptStyle { prompts.template.style }
  /// The prompt of one item, with `<title>`, `<i_vis>` and the like where its values go.
  package var promptTemplate: String { prompts.template.text }

  /// The style's prompt of a history, oldest item first, cut as the published code cuts it.
  package func prompt(history: [HistoryEntry]) throws(ModelError) -> Prompt { try prompts.prompt(history: history) }

  /// A caller's own prompt. [REC] follows it.
  package func prompt(parts: [PromptPart]) throws(ModelError) -> Prompt { try prompts.prompt(parts: parts) }

  /// The adaptor's soft tokens of embeddings [n, v]: [n, d].
  package func softTokens(of embeddings: Matrix) throws(ModelError) -> Matrix {
    try embeddings.mapRows("embedding", columns: embeddingDim, resultColumns: llmDim) {
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
