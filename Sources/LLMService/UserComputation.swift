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
    let outcomes = outcomes(of: jobs) { context.isCancelled() }
    logger.debug(
      "batch computed",
      metadata: [
        "users": "\(jobs.count)", "tokens": "\(jobs.reduce(0) { $0 + $1.tokens })",
        "micros": "\(start.duration(to: .now).microseconds)",
      ])
    return outcomes
  }

  private func outcomes(of jobs: [EncodingJob], isCancelled: () -> Bool) -> [Outcome] {
    do {
      return try results(of: jobs, isCancelled: isCancelled)
    } catch  where error.code == .notFinite && jobs.count > 1 {
      // Values of one user do this; the others are not to suffer for it.
      return jobs.map { outcomes(of: [$0], isCancelled: isCancelled)[0] }
    } catch {
      if error.code == .cancelled { return jobs.map { _ in .failure(CancellationError()) } }
      logger.error("users not computed", metadata: ["users": "\(jobs.count)", "error": "\(error)"])
      return jobs.map { _ in .failure(error) }
    }
  }

  private func results(of jobs: [EncodingJob], isCancelled: () -> Bool) throws(ModelError) -> [Outcome] {
    let prompts = try filledPrompts(of: jobs)
    let hidden = try model.hiddenStates(of: prompts, isCancelled: isCancelled)
    let wanted = jobs.reduce(into: UserOutputs()) { $0.formUnion($1.outputs) }
    let userVectors = wanted.contains(.userVector) ? try model.userVectors(of: hidden) : nil
    let spaceVectors = wanted.contains(.spaceVectors) ? try model.spaceVectors(of: hidden) : []
    return jobs.indices.map { row in
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
}

extension EncodingJob.Visual {
  var embedding: [Float]? {
    if case .embedding(let vector) = self { vector } else { nil }
  }
}
