import GRPCCore
import Logging
import ModelServing
import Models
import ServiceAPI
import ServiceSupport
import SwiftProtobuf

/// LLMService: histories to user vectors.
///
/// A handler checks and tokenises its users, then hands them to the one compute thread, where users of different callers are
/// packed into batches. See ``Batcher`` for what becomes of load, cancellation and deadlines.
final class LLMServer: Sendable {
  let model: any UserEncoder
  let identity: Common_ModelRef
  let limits: RequestLimits
  let reader: UserPromptReader
  let batcher: Batcher<EncodingJob, EncodedUser>

  /// - Parameters:
  ///   - name: of the checkpoint, in every answer.
  ///   - version: of the checkpoint, in every answer.
  /// - Throws: when the compute thread cannot be started.
  init(
    model: any UserEncoder, name: String, version: String, limits: RequestLimits, logger: Logger
  ) throws(ServiceFailure) {
    self.model = model
    self.limits = limits
    identity = .init(name: name, version: version, model.fingerprints)
    reader = UserPromptReader(model: model, limits: limits)
    let computation = UserComputation(model: model, logger: logger)
    batcher = try Batcher(
      name: "llm-compute", maxQueueCost: limits.maxQueueTokens, maxBatchCost: limits.maxBatchTokens,
      costNow: { Self.cost(of: $0, model) }, process: computation.encode)
  }

  /// Tokens that must be computed for it, if it is computed now: the unit of the queue.
  func cost(of job: EncodingJob) -> Int { Self.cost(of: job, model) }

  private static func cost(of job: EncodingJob, _ model: any UserEncoder) -> Int {
    max(1, job.promptTokens - model.cachedTokens(job.prefixKeys))
  }

  /// Ends the compute thread.
  func shutdown() async {
    await batcher.shutdown()
  }
}

extension LLMServer: LLM_LLMService.SimpleServiceProtocol {
  func encodeUsers(
    request: LLM_EncodeUsersRequest, context: ServerContext
  ) async throws -> LLM_EncodeUsersResponse {
    let arrival = ContinuousClock.now
    try identity.requireVersion(request.modelVersion, field: "model_version")
    try identity.requireSpace(request.expectedSpaceFingerprint, field: "expected_space_fingerprint")
    let settings = EncodingJob.Settings(
      outputs: try UserOutputs(request.outputs, field: "outputs"),
      cacheScope: try CacheScope(request.cacheScope, field: "cache_scope"))
    try checkCount(of: request.users)

    var jobs: [Result<EncodingJob, ServiceFailure>] = []
    for (index, user) in request.users.enumerated() {
      if context.cancellation.isCancelled { throw CancellationError() }
      jobs.append(
        Result { () throws(ServiceFailure) in
          try reader.job(user, path: "users[\(index)]", settings)
        })
    }
    let sound = jobs.compactMap { try? $0.get() }
    let outcomes = try await batcher.submit(contentsOf: sound.map { ($0, cost(of: $0)) })

    var remaining = outcomes[...]
    return .with {
      $0.requestID = request.requestID
      $0.model = identity
      $0.results = zip(request.users, jobs).map { user, job in
        let outcome = job.mapError { $0 as any Error }.flatMap { _ in remaining.removeFirst().map(\.value) }
        return LLM_UserResult(userID: user.userID, outcome)
      }
      $0.timing = .init(of: outcomes.compactMap { try? $0.get() }, total: arrival.duration(to: .now))
    }
  }

  func countTokens(
    request: LLM_CountTokensRequest, context: ServerContext
  ) async throws -> LLM_CountTokensResponse {
    let prompt = try reader.prompt(request.user, path: "user")
    return .with {
      $0.promptTokens = UInt32(prompt.tokenCount)
      $0.recPosition = UInt32(prompt.recPosition)
      $0.softTokenPositions = prompt.softTokenPositions.map(UInt32.init)
      $0.truncatedItems = UInt32(prompt.truncatedItems)
      $0.tokenIds = prompt.tokenIDs.map { UInt32(bitPattern: $0) }
    }
  }

  private func checkCount(of users: [LLM_UserPrompt]) throws(ServiceFailure) {
    guard !users.isEmpty else {
      throw ServiceFailure(.invalidArgument, reason: "NO_USERS", "no users; send at least one", field: "users")
    }
    guard users.count <= limits.maxUsers else {
      throw ServiceFailure(
        .invalidArgument, reason: "TOO_MANY_USERS",
        "\(users.count) users, at most \(limits.maxUsers) may be sent; split the request or use StreamEncodeUsers",
        field: "users")
    }
  }
}

extension LLM_UserResult {
  init(userID: String, _ outcome: Result<EncodedUser, any Error>) {
    self.init()
    self.userID = userID
    switch outcome {
    case .failure(let error):
      self.error = ServiceFailure(of: "user", error).itemError
    case .success(let user):
      promptTokens = UInt32(user.promptTokens)
      cachedTokens = UInt32(user.cachedTokens)
      truncatedItems = UInt32(user.truncatedItems)
      if let vector = user.userVector { userVector = .init(vector) }
      if let vector = user.hiddenState { hiddenState = .init(vector) }
      spaceVectors = user.spaceVectors.map { space, vector in
        .with {
          $0.space = .init(space)
          $0.vector = .init(vector)
        }
      }
    }
  }
}
