// SPDX-License-Identifier: Apache-2.0

import Basics
import Logging
import ModelServing
import Models
import ServiceSupport

/// What the compute thread does with a batch of users: soft tokens, LLM, projections. B users at a time, packed; the LLM
/// computes users of all trainings together, adaptors and projections are each training's own.
struct LLMComputation: Sendable {
  typealias Outcome = Result<EncodedUser, any Error>

  let logger: Logger
  let metrics = PrefixCacheMetrics()

  /// One outcome per job, in order.
  func encode(_ jobs: [EncodingJob], _ context: BatchContext) -> [Outcome] {
    let start = ContinuousClock.now
    let outcomes = outcomes(of: jobs) { context.isCancelled($0) }
    note(outcomes, of: jobs, in: start.duration(to: .now))
    return outcomes
  }

  private func note(_ outcomes: [Outcome], of jobs: [EncodingJob], in duration: Duration) {
    let computed = outcomes.compactMap { try? $0.get() }
    let cachedTokens = computed.reduce(0) { $0 + $1.cachedTokens }
    let promptTokens = computed.reduce(0) { $0 + $1.promptTokens }
    if let statistics = jobs.first?.training.model.prefixCacheStatistics {
      metrics.computed(promptTokens: promptTokens, cachedTokens: cachedTokens, statistics)
    }
    logger.debug(
      "batch computed",
      metadata: [
        "users": "\(jobs.count)", "dropped": "\(jobs.count - computed.count)", "tokens": "\(promptTokens)",
        "cached_tokens": "\(cachedTokens)", "micros": "\(duration.microseconds)",
      ])
  }

  private func outcomes(of jobs: [EncodingJob], isCancelled: (Int) -> Bool) -> [Outcome] {
    guard let llm = jobs.first?.training.model else { return [] }
    let prompts = zip(jobs.indices, together(jobs, of: \.training, filledPrompts)).map { index, prompt in
      prompt.map { (index: index, prompt: $0) }
    }
    let encoded = prompts.flatMapSuccesses { users in
      let requests = users.map { user in
        jobs[user.index].training.model.request(user.prompt, prefixKeys: jobs[user.index].prefixKeys)
      }
      let outcomes = llm.encode(requests) { isCancelled(users[$0].index) }
      return zip(users, outcomes).map { user, outcome in outcome.map { (job: jobs[user.index], prompt: $0) } }
    }
    let projected = encoded.flatMapSuccesses { users in
      let vectors = together(users, of: \.job.training) { model, users throws(ModelError) in
        let states = try Matrix(vectors: users.map(\.prompt.hiddenState), columns: model.llmDim)
        return try projections(of: states, for: users.map(\.job), model)
      }
      return zip(users, vectors).map { user, vectors in
        vectors.map { EncodedUser(user.job, user.prompt, $0) }
      }
    }
    return projected.map { $0.mapError { $0.code == .cancelled ? CancellationError() : $0 as any Error } }
  }

  /// Computes the elements of each training together. Values of one user may do no harm to the others of an adaptor's or a
  /// projection's batch.
  private func together<Element, Output>(
    _ elements: [Element], of training: (Element) -> LLMTraining,
    _ compute: (any LLMModel, [Element]) throws(ModelError) -> [Output]
  ) -> [Result<Output, ModelError>] {
    elements.mapByTraining(training) { model, elements in
      elements.mapTogether(failingAlone: { (error: ModelError) in error.code == .notFinite }) {
        elements throws(ModelError) in
        do throws(ModelError) {
          return try compute(model, elements)
        } catch {
          logger.error("users not computed", metadata: ["users": "\(elements.count)", "error": "\(error)"])
          throw error
        }
      }
    }
  }

  /// What users may ask for, of the hidden states of those who were computed.
  private func projections(
    of hidden: Matrix, for jobs: [EncodingJob], _ model: any LLMModel
  ) throws(ModelError) -> [ProjectedUser] {
    let wanted = jobs.reduce(into: UserOutputs()) { $0.formUnion($1.outputs) }
    let userVectors = wanted.contains(.userVector) ? try model.userVectors(of: hidden) : nil
    let spaceVectors = wanted.contains(.spaceVectors) ? try model.spaceVectors(of: hidden) : []
    return (0..<hidden.rows).map { row in
      ProjectedUser(
        vector: userVectors.map { Array($0[row: row]) },
        spaceVectors: spaceVectors.map { ($0.space, Array($0.vectors[row: row])) })
    }
  }

  /// The prompts with their soft tokens. The embeddings of all jobs go through the adaptor together.
  private func filledPrompts(_ model: any LLMModel, _ jobs: [EncodingJob]) throws(ModelError) -> [Prompt] {
    let visuals = jobs.flatMap { $0.visuals ?? [] }
    let projected = try visuals.map(\.embedding).mapPresent { embeddings throws(ModelError) in
      try model.softTokens(of: Matrix(vectors: embeddings, columns: model.embeddingDim)).vectors
    }
    var softTokens = zip(visuals, projected).map { $0.softToken ?? $1 ?? [] }[...]
    return jobs.map { job in
      guard let count = job.visuals?.count else { return job.prompt }
      defer { softTokens.removeFirst(count) }
      return job.prompt.filled(with: Array(softTokens.prefix(count)))
    }
  }
}

/// What a hidden state becomes in the spaces.
private struct ProjectedUser {
  /// Nil when nobody of the batch wants it.
  var vector: [Float]?
  /// Empty when nobody of the batch wants them.
  var spaceVectors: [(space: Space, vector: [Float])]
}

extension EncodedUser {
  /// What the job asked for.
  fileprivate init(_ job: EncodingJob, _ prompt: EncodedPrompt, _ projected: ProjectedUser) {
    self.init(
      promptTokens: job.promptTokens, cachedTokens: prompt.cachedTokens, truncatedItems: job.prompt.truncatedItems,
      userVector: job.outputs.contains(.userVector) ? projected.vector : nil,
      hiddenState: job.outputs.contains(.hiddenState) ? prompt.hiddenState : nil,
      spaceVectors: job.outputs.contains(.spaceVectors) ? projected.spaceVectors : [])
  }
}

extension VisualContent {
  var embedding: [Float]? {
    if case .embedding(let vector) = self { vector } else { nil }
  }

  var softToken: [Float]? {
    if case .softToken(let token) = self { token } else { nil }
  }
}
