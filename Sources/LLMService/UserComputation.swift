import GRPCCore
import Logging
import Models
import ServiceSupport

/// What the compute thread does with a batch of users: soft tokens, LLM, projections. B users at a time, packed.
struct UserComputation: Sendable {
  typealias Outcome = Result<EncodedUser, any Error>

  let model: any UserEncoder
  let logger: Logger

  /// One outcome per job, in order.
  func encode(_ jobs: [EncodingJob], _ context: BatchContext) -> [Outcome] {
    let start = ContinuousClock.now
    do {
      let outcomes = try results(of: jobs, context)
      logger.debug(
        "batch computed",
        metadata: [
          "users": "\(jobs.count)", "tokens": "\(jobs.reduce(0) { $0 + $1.tokens })",
          "micros": "\(start.duration(to: .now).microseconds)",
        ])
      return outcomes
    } catch {
      if error.code != .cancelled {
        logger.error("batch failed", metadata: ["users": "\(jobs.count)", "error": "\(error)"])
      }
      let failure: any Error = error.code == .cancelled ? CancellationError() : error
      return jobs.map { _ in .failure(failure) }
    }
  }

  private func results(of jobs: [EncodingJob], _ context: BatchContext) throws(ModelError) -> [Outcome] {
    let prompts = try filledPrompts(of: jobs)
    let hidden = try model.hiddenStates(of: prompts) { context.isCancelled() }
    let wanted = jobs.reduce(into: UserOutputs()) { $0.formUnion($1.outputs) }
    let userVectors = wanted.contains(.userVector) ? try model.userVectors(of: hidden) : nil
    let spaceVectors = wanted.contains(.spaceVectors) ? try model.spaceVectors(of: hidden) : []
    return jobs.indices.map { row in
      guard hidden[row: row].allSatisfy(\.isFinite) else { return .failure(Self.notFinite) }
      let (job, outputs) = (jobs[row], jobs[row].outputs)
      return .success(
        EncodedUser(
          promptTokens: job.tokens, truncatedItems: job.prompt.truncatedItems,
          userVector: outputs.contains(.userVector) ? userVectors.map { Array($0[row: row]) } : nil,
          hiddenState: outputs.contains(.hiddenState) ? Array(hidden[row: row]) : nil,
          spaceVectors: outputs.contains(.spaceVectors)
            ? spaceVectors.map { ($0.space, Array($0.vectors[row: row])) } : []))
    }
  }

  /// The prompts with their soft tokens. The embeddings of all jobs go through the adaptor together.
  private func filledPrompts(of jobs: [EncodingJob]) throws(ModelError) -> [Prompt] {
    let embeddings = jobs.flatMap { $0.visuals ?? [] }.compactMap(\.embedding)
    let projected =
      embeddings.isEmpty
      ? nil : try model.softTokens(of: Matrix(vectors: embeddings, columns: model.embeddingDim))
    var next = 0
    return jobs.map { job in
      guard let visuals = job.visuals else { return job.prompt }
      return job.prompt.filled(
        with: visuals.map { visual in
          switch visual {
          case .softToken(let token): return token
          case .embedding:
            defer { next += 1 }
            return projected.map { Array($0[row: next]) } ?? []
          }
        })
    }
  }

  private static let notFinite = ServiceFailure(
    .internalError, reason: "RESULT_NOT_FINITE",
    "the LLM's hidden state is not finite; check the sizes of the soft tokens and the checkpoint's weights")
}

extension EncodingJob.Visual {
  var embedding: [Float]? {
    if case .embedding(let vector) = self { vector } else { nil }
  }
}
