// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import ServiceAPI
import ServiceSupport
import SwiftProtobuf

extension LLMServer {
  /// Users in flight are bounded by two batches of tokens: one that is computed and one that is ready.
  func streamEncodeUsers(
    request messages: RPCAsyncSequence<LLM_StreamEncodeUsersRequest, any Error>,
    response writer: RPCWriter<LLM_StreamEncodeUsersResponse>, context: ServerContext
  ) async throws {
    let window = CostWindow(maxCost: 2 * limits.maxBatchTokens)
    try await BulkStream(messages, writer).answerAsDone(within: window) { [self] config in
      let settings = try read(config)
      return BulkSession(header: .with { $0.model = identity }) { [self] user in
        let arrival = ContinuousClock.now
        let job = streamedJob(user, settings)
        // A user that failed has its answer in flight still.
        return BulkWork(cost: (try? cost(of: job.get())) ?? 1) {
          let result = try await self.result(of: job, userID: user.userID, arrival: arrival)
          return .with { $0.result = result }
        }
      }
    }
  }

  private func read(
    _ config: LLM_StreamEncodeUsersRequest.Config
  ) throws(ServiceFailure) -> EncodingJob.Settings {
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
          .userIDMissing, "results come in any order and are named by it; set it",
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
        result.timing = .init(of: [batched.timing], total: arrival.duration(to: .now))
      }
      return result
    }
  }
}
