import GRPCCore
import ServiceAPI
import ServiceSupport
import SwiftProtobuf

extension LLMServer {
  /// Users in flight are bounded by two batches of tokens: one that is computed and one that is ready. When they are not taken
  /// from the queue, or their results are not read, no further user is read from the stream.
  func streamEncodeUsers(
    request messages: RPCAsyncSequence<LLM_StreamEncodeUsersRequest, any Error>,
    response writer: RPCWriter<LLM_StreamEncodeUsersResponse>, context: ServerContext
  ) async throws {
    var messages = messages.makeAsyncIterator()
    let settings = try begin(with: try await messages.next())
    try await writer.write(.with { $0.model = identity })

    let window = 2 * limits.maxBatchTokens
    try await withThrowingTaskGroup(of: Int.self) { group in
      var tokensInFlight = 0
      while let message = try await messages.next() {
        guard case .user(let user) = message.message else { throw Self.notAUser }
        let arrival = ContinuousClock.now
        let job = streamedJob(user, settings)
        // A user that failed has its answer in flight still.
        let tokens = (try? cost(of: job.get())) ?? 1
        while tokensInFlight > 0, tokensInFlight + tokens > window, let done = try await group.next() {
          tokensInFlight -= done
        }
        tokensInFlight += tokens
        group.addTask {
          let result = try await self.result(of: job, userID: user.userID, arrival: arrival)
          try await writer.write(.with { $0.result = result })
          return tokens
        }
      }
      try await group.waitForAll()
    }
  }

  /// What the first message says.
  private func begin(
    with message: LLM_StreamEncodeUsersRequest?
  ) throws(ServiceFailure) -> EncodingJob.Settings {
    guard case .config(let config) = message?.message else {
      throw ServiceFailure(
        .invalidArgument, reason: "CONFIG_MISSING", "the first message must hold the config", field: "config")
    }
    try identity.requireVersion(config.modelVersion, field: "config.model_version")
    try identity.requireSpace(config.expectedSpaceFingerprint, field: "config.expected_space_fingerprint")
    return EncodingJob.Settings(
      outputs: try UserOutputs(config.outputs, field: "config.outputs"),
      cacheScope: try CacheScope(config.cacheScope, field: "config.cache_scope"))
  }

  private func streamedJob(
    _ user: LLM_UserPrompt, _ settings: EncodingJob.Settings
  ) -> Result<EncodingJob, ServiceFailure> {
    Result { () throws(ServiceFailure) in
      guard !user.userID.isEmpty else {
        throw ServiceFailure(
          .invalidArgument, reason: "USER_ID_MISSING", "results come in any order and are named by it; set it",
          field: "user.user_id")
      }
      return try reader.job(user, path: "user", settings)
    }
  }

  /// The user's own result; throws what ends the whole stream.
  private func result(
    of job: Result<EncodingJob, ServiceFailure>, userID: String, arrival: ContinuousClock.Instant
  ) async throws -> LLM_UserResult {
    switch job {
    case .failure(let failure):
      return LLM_UserResult(userID: userID, .failure(failure))
    case .success(let job):
      let outcome = try await batcher.submit(contentsOf: [(job, cost(of: job))], whenFull: .wait)[0]
      var result = LLM_UserResult(userID: userID, outcome.map(\.value))
      if let batched = try? outcome.get() {
        result.timing = .init(of: [batched], total: arrival.duration(to: .now))
      }
      return result
    }
  }

  private static var notAUser: ServiceFailure {
    ServiceFailure(
      .invalidArgument, reason: "USER_MISSING", "every message after the first must hold a user", field: "user")
  }
}
