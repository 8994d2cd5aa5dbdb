// SPDX-License-Identifier: Apache-2.0

import Kernels
package import Models

/// Everything that training changes, on a frozen LLM: adaptor, [REC], the projections into the spaces and, by default, the
/// token embeddings. Prompts that show no images leave the adaptor as it was.
///
/// Its methods compute on the calling thread and the model's own threads, and block until they are done. It is used by one
/// thread at a time, which owns the parameters meanwhile.
package final class TrainableRecommender {
  /// What is trained, under the names of checkpoints: `rec_token` [1, d], `adaptor.*` when it is,
  /// `f_{i,u}_{img,cf,text}.mlp.*` of the spaces that are, what a ``Models/SoftTokenLayout`` adds, the LLM's low-rank changes as
  /// PEFT calls them, and `token_embed` [V, d] last, when it is.
  package let parameters: [Parameter]
  /// The trained part as a checkpoint holds it: without the token embeddings, and with the adaptor in any case.
  package let recModule: [Parameter]
  /// v, or the length of all features together that soft tokens are made of.
  package var embeddingDim: Int { adaptor.inputs }
  package let softTokens: SoftTokenLayout
  /// d.
  package var llmDim: Int { llm.configuration.width }
  /// Positions that the LLM was made for.
  package var contextLength: Int { llm.configuration.contextLength }
  package let options: TrainingModelOptions

  let team: ComputeTeam
  let llm: DifferentiableLlama
  let tokenLoss: TokenLoss
  /// What the LLM multiplies token embeddings with.
  var embeddingScale: Float { llm.configuration.decoder.embeddingScale }
  let recToken: Parameter  // [1, d]
  /// Of the token embeddings' elements, before training.
  let tokenDeviation: Float
  let adaptor: TrainablePerceptron  // v -> d
  let absent: AbsentFeatures
  /// Of places from the end, added to the soft tokens there; nil for none.
  let positions: Parameter?  // [places, d]
  let projections: [SpaceProjections]
  let tokenTable: TokenTable  // [V or more, d]

  /// One space's two sides.
  struct SpaceProjections {
    let space: Space
    let item: TrainablePerceptron  // the space's feature -> p
    let user: TrainablePerceptron  // d -> p
  }

  /// Inside the roots of the layer norms, as the published code sets them.
  private static let adaptorEpsilon: Float = 1e-8
  private static let projectionEpsilon: Float = 1e-5
  /// Where `recModule` holds the adaptor's.
  private static let adaptorParameters = 1..<7

  /// Reads `llm/`, `llm_parameter/` and, unless training starts afresh, `rec_module/`.
  ///
  /// An LLM whose head is tied to its token embeddings keeps them for its head as they were: what is trained is the copy that
  /// prompts are looked up in.
  package init(checkpoint: CheckpointLocation, options: TrainingModelOptions = TrainingModelOptions()) throws {
    try options.check()
    self.options = options
    guard try options.lowRank == nil || !checkpoint.hasAdapter() else {
      throw TrainingError(
        .invalidInput,
        "\(checkpoint.directory) has a LoRA of its LLM already; merge it into the LLM (PEFT's merge_and_unload) to train another one"
      )
    }
    let team = ComputeTeam(threads: options.threads ?? ComputeTeam.availableCPUs)
    let spaces = options.spaces.sorted()
    let weights = try TrainingWeights(
      checkpoint: checkpoint, spaces: options.freshStart == nil ? spaces : nil, loading: options.loading,
      maxPositions: options.maxPositions, team: team)
    self.team = team
    tokenDeviation = weights.tokenDeviation
    llm = DifferentiableLlama(weights.llm, changes: options.lowRank, team: team)
    tokenLoss = TokenLoss(
      head: weights.head, headlessTokens: weights.tokenCount - weights.head.outputs,
      logitSoftCap: weights.llm.configuration.decoder.logitSoftCap)
    let recModule =
      try options.freshStart?.parameters(
        spaces: spaces, llmDim: weights.llm.configuration.width, tokenDeviation: weights.tokenDeviation)
      ?? weights.recModule.map { Parameter($0.name, shape: $0.tensor.shape, values: $0.tensor.values) }
    let softTokens = try options.freshStart?.softTokens ?? checkpoint.trainingNotes().softTokens
    self.softTokens = softTokens
    self.recModule = recModule
    absent = AbsentFeatures(recModule, softTokens)
    positions = recModule.first { $0.name == SoftTokenLayout.positionsName }
    recToken = recModule[0]
    adaptor = TrainablePerceptron(recModule[Self.adaptorParameters], .gelu, epsilon: Self.adaptorEpsilon)
    projections = spaces.enumerated().map { index, space in
      let first = Self.adaptorParameters.upperBound + 12 * index
      return SpaceProjections(
        space: space,
        item: TrainablePerceptron(recModule[first..<first + 6], .relu, epsilon: Self.projectionEpsilon),
        user: TrainablePerceptron(recModule[first + 6..<first + 12], .relu, epsilon: Self.projectionEpsilon))
    }
    tokenTable = TokenTable(
      weights.tokenEmbeddings, isTrained: options.trainsTokenEmbeddings, tokenCount: weights.tokenCount)
    let trained = recModule.enumerated().filter { index, parameter in
      options.trainsAdaptor
        || !(Self.adaptorParameters.contains(index) || parameter.name.hasPrefix(SoftTokenLayout.namePrefix))
    }
    parameters =
      trained.map(\.element) + llm.changes.flatMap(\.parameters) + (tokenTable.parameter.map { [$0] } ?? [])
    for projection in projections where projection.item.outputs != projection.user.outputs {
      throw TrainingError(
        .malformed,
        "\(checkpoint.recModule): the item side of \(projection.space.checkpointName) has \(projection.item.outputs) "
          + "dimensions and its user side \(projection.user.outputs)")
    }
  }

  /// Adds `scale` times the gradient of the batch's loss, `TrainingLosses.total`, to every parameter's gradient.
  ///
  /// - Parameters:
  ///   - candidates: what a joint softmax tells the samples' targets apart from; nil with the published loss.
  ///   - dropout: what the batch is computed without.
  /// - Throws: `.invalidInput` for a sample that does not fit the model; nothing was added then.
  package func addGradients(
    of batch: [TrainingSample], among candidates: JointCandidates? = nil, scale: Float = 1,
    dropout: TrainingDropout = .none
  ) throws -> TrainingLosses {
    try check(batch)
    try check(candidates, batch)
    return TrainingStep(self, batch, among: candidates, scale: scale, dropout: dropout).addGradients()
  }

  /// The batch's losses alone, without the memory that gradients take.
  package func losses(
    of batch: [TrainingSample], among candidates: JointCandidates? = nil, dropout: TrainingDropout = .none
  ) throws -> TrainingLosses {
    try check(batch)
    try check(candidates, batch)
    return TrainingStep(self, batch, among: candidates, scale: 0, dropout: dropout).losses()
  }
}

extension TrainingModelOptions {
  fileprivate func check() throws {
    guard !spaces.isEmpty, Set(spaces).count == spaces.count else {
      throw TrainingError(.invalidInput, "name at least one space to train, and none twice")
    }
    guard loading.precision != .int8 else {
      throw TrainingError(.invalidInput, "gradients do not go through int8 matrices; train in f32 or bf16")
    }
    guard (2...1 << 20).contains(maxPositions), activationBytes >= 0 else {
      throw TrainingError(
        .invalidInput, "the longest sequence must be of 2 to 2^20 positions, and memory for activations not negative")
    }
    guard alignmentWeight >= 0, alignmentWeight.isFinite else {
      throw TrainingError(.invalidInput, "the weight of image-language alignment must be 0 or more")
    }
    if case .jointSoftmax(let joint) = loss {
      try joint.check()
      guard !sharesNegatives else {
        throw TrainingError(.invalidInput, "a joint softmax has no negatives of samples that could be shared")
      }
    }
    guard lowRank.map({ LowRankStart.ranks.contains($0.rank) }) ?? true else {
      throw TrainingError(
        .invalidInput, "the rank of a LoRA is \(LowRankStart.ranks.lowerBound) to \(LowRankStart.ranks.upperBound)")
    }
    guard threads.map({ (1...1024).contains($0) }) ?? true else {
      throw TrainingError(.invalidInput, "the number of threads must be 1 to 1024")
    }
  }
}
