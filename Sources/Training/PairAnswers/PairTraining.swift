// SPDX-License-Identifier: Apache-2.0

package import Datasets
import Evaluation
import Kernels
package import Models

/// Trains a LoRA of a frozen LLM to say whether a user chose an item next.
///
/// Half of the questions are about the item that came next, half about one that the user never met; the loss is the language model's own, of
/// the answer's first token. Computes on the calling thread and blocks. The same settings, data and number of threads give the same weights.
package struct PairTraining {
  package struct Settings: Sendable, Equatable {
    package var rank = 8
    package var steps = 200
    package var batchSize = 32
    package var learningRate: Float = 1e-3
    package var seed: UInt64 = 1

    package init() {}

    package func check() throws(TrainingError) {
      guard LowRankStart.ranks.contains(rank), (0...1_000_000).contains(steps), (1...65_536).contains(batchSize),
        learningRate > 0, learningRate.isFinite
      else {
        throw TrainingError(
          .invalidInput,
          "a rank is 1 to 1,024, steps are 0 to 1,000,000, a batch has 1 to 65,536 questions, and a learning rate is above 0"
        )
      }
    }
  }

  /// A question and the token that answers it.
  struct Sample: Equatable {
    let tokenIDs: [Int32]
    let answer: Int32
  }

  /// What a LoRA that it trained says it is for.
  package static let purpose = "yes-no"

  private let settings: Settings
  private let checkpoint: CheckpointLocation
  private let question: PairQuestion
  private let users: [Dataset.User]
  private let itemCount: Int
  private let llm: DifferentiableLlama
  private let tokens: EmbeddingTable
  private let loss: TokenLoss
  private let team: ComputeTeam
  private let optimizer: AdamW
  private let stepSize: StepSize
  private let rowsAtOnce: Int

  /// Memory for activations.
  private static let activationBytes = 1 << 30

  /// - Parameters:
  ///   - checkpoint: of the frozen LLM. As where it answers, token embeddings that were trained and a recommendation's adapter have no part
  ///     in it.
  ///   - threads: of the computation; one for each CPU of the process by default.
  package init(
    checkpoint: CheckpointLocation, dataset: Dataset, question: PairQuestion, settings: Settings,
    loading: LoadingOptions = LoadingOptions(), threads: Int? = nil
  ) throws {
    try settings.check()
    self.settings = settings
    self.checkpoint = checkpoint
    self.question = question
    users = dataset.users.filter { user in
      let known = user.trainingItems
      return known.count >= 2 && known.dropLast().contains(where: question.hasTitle)
        && known.dropFirst().contains(where: question.hasTitle)
    }
    itemCount = dataset.items.count
    guard !users.isEmpty else {
      throw TrainingError(.empty, "no user has two items with a title to train on; a yes or no needs titles")
    }
    team = ComputeTeam(threads: threads ?? ComputeTeam.availableCPUs)
    let weights = try TrainingWeights(
      checkpoint: checkpoint, spaces: nil, llmAlone: true, loading: loading, maxPositions: question.maxTokens,
      team: team)
    guard max(question.yes, question.no) < weights.head.outputs else {
      throw TrainingError(
        .invalidInput,
        "the LLM's head predicts \(weights.head.outputs) tokens, and Yes or No is none of them; take another LLM")
    }
    llm = DifferentiableLlama(
      weights.llm, changes: LowRankStart(rank: settings.rank, seed: settings.seed), team: team)
    tokens = weights.tokenEmbeddings
    loss = TokenLoss(head: weights.head, logitSoftCap: weights.llm.configuration.decoder.logitSoftCap)
    optimizer = AdamW(llm.changes.flatMap(\.parameters), team: team)
    stepSize = StepSize(
      learningRate: settings.learningRate, totalSteps: settings.steps, warmupSteps: settings.steps / 20, clippingNorm: 1
    )
    rowsAtOnce = Self.activationBytes / llm.bytesPerRow(.everything)
  }

  /// - Parameters:
  ///   - check: called between the parts of a step that are computed together; what it throws ends the training.
  ///   - progress: called after each step with the steps done and the mean loss of its answers, in nats; what it throws ends the training.
  package func run(
    progress: (_ steps: Int, _ loss: Double) throws -> Void = { _, _ in }, check: () throws -> Void = {}
  ) throws {
    for step in 0..<settings.steps {
      let loss = try addGradients(of: batch(ofStep: step), check: check)
      let norm = optimizer.gradientNorm()
      guard loss.isFinite, norm.isFinite else {
        throw TrainingError(
          .notFinite, "step \(step + 1): the loss is \(loss) and the gradient's norm \(norm); try a lower learning rate"
        )
      }
      optimizer.step(learningRate: stepSize.rate(ofStep: step), gradientScale: stepSize.gradientScale(norm: norm))
      optimizer.clearGradients()
      try progress(step + 1, loss)
    }
  }

  /// Writes the LoRA as PEFT does, with what it was trained for, by what and over which LLM.
  package func write(to directory: String) throws {
    let notes = AnswerAdapterNotes(
      trainedAs: Self.purpose, llm: try checkpoint.llmFingerprint(withAdapter: false), rank: settings.rank,
      steps: settings.steps, batchSize: settings.batchSize, learningRate: settings.learningRate, seed: settings.seed)
    try RunDirectory.create(directory)
    try AdapterWriter.write(optimizer.parameters, to: directory, metadata: notes.metadata())
  }

  var parameters: [Parameter] { optimizer.parameters }

  // MARK: Samples

  func batch(ofStep step: Int) -> [Sample] {
    (0..<settings.batchSize).compactMap { sample(step * settings.batchSize + $0) }
  }

  /// Nil when nothing drawn can be asked, or is too long.
  private func sample(_ number: Int) -> Sample? {
    var numbers = SplitMix64(seed: settings.seed, stream: UInt64(number))
    let known = Array(users[numbers.next(below: users.count)].trainingItems)
    let isChosen = numbers.next(below: 2) == 0
    let place = 1 + numbers.next(below: known.count - 1)
    let item = isChosen ? known[place] : unmet(known, &numbers)
    guard let item, let ids = question.tokens(history: Array(known[..<place]), about: [item])[0] else { return nil }
    return Sample(tokenIDs: ids, answer: isChosen ? question.yes : question.no)
  }

  private func unmet(_ known: [Int], _ numbers: inout SplitMix64) -> Int? {
    // Users meet few items: the first draw nearly always holds.
    for _ in 0..<64 {
      let item = numbers.next(below: itemCount)
      if question.hasTitle(item), !known.contains(item) { return item }
    }
    return nil
  }

  // MARK: Gradients

  /// Adds the gradient of the mean loss, as many questions at a time as there is memory for.
  ///
  /// - Returns: the mean loss; 0 of no samples.
  func addGradients(of samples: [Sample]) -> Double { addGradients(of: samples, check: {}) }

  private func addGradients(of samples: [Sample], check: () throws -> Void) rethrows -> Double {
    var (sum, start) = (0.0, 0)
    while start < samples.count {
      try check()
      var (end, rows) = (start, 0)
      while end < samples.count, end == start || rows + samples[end].tokenIDs.count <= rowsAtOnce {
        rows += samples[end].tokenIDs.count
        end += 1
      }
      sum += addGradients(ofSome: samples[start..<end], scale: 1 / Float(samples.count))
      start = end
    }
    return samples.isEmpty ? 0 : sum / Double(samples.count)
  }

  private func addGradients(ofSome samples: ArraySlice<Sample>, scale: Float) -> Double {
    let packed = PackedSequences(samples.map { .init(length: $0.tokenIDs.count, outputs: 1) })
    var rows = Activations(rows: packed.rowCount, width: llm.configuration.width)
    let factor = llm.configuration.decoder.embeddingScale
    for (row, id) in samples.flatMap(\.tokenIDs).enumerated() {
      rows.setRow(row, toRow: Int(id), of: tokens)
      if factor != 1 { rows.scale(row: row, by: factor) }
    }
    var losses: [Float] = []
    _ = llm.differentiate(rows, packed, keeping: packed.rowCount <= rowsAtOnce ? .everything : .inputs) { states in
      var dstates = Activations(rows: states.rows, width: states.width)
      losses = loss.losses(states, targets: samples.map(\.answer), scale: scale, dstates: &dstates, on: team)
      return dstates
    }
    return losses.reduce(0) { $0 + Double($1) }
  }
}
