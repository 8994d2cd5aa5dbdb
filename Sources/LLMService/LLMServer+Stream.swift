// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import ModelServing
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
      let (training, settings) = try read(config)
      return BulkSession(header: .with { $0.model = training.identity }) { [self] user in
        let arrival = ContinuousClock.now
        let job = try await streamedJob(user, training, settings)
        // A user that failed has its answer in flight still.
        return BulkWork(cost: (try? job.get().cost) ?? 1) {
          let result = try await self.result(of: job, userID: user.userID, arrival: arrival)
          return .with { $0.result = result }
        }
      }
    }
  }

  private func read(
    _ config: LLM_StreamEncodeUsersRequest.Config
  ) throws(ServiceFailure) -> (LLMTraining, EncodingJob.Settings) {
    let training = try trainings.lease(
      config.expectedSpaceFingerprint, field: "config.expected_space_fingerprint")
    try training.identity.requireVersion(config.modelVersion, field: "config.model_version")
    let settings = EncodingJob.Settings(
      outputs: try UserOutputs(config.outputs, field: "config.outputs"),
      cacheScope: try CacheScope(config.cacheScope, field: "config.cache_scope"))
    return (training, settings)
  }

  private func streamedJob(
    _ user: LLM_UserPrompt, _ training: LLMTraining, _ settings: EncodingJob.Settings
  ) async throws -> Result<EncodingJob, any Error> {
    guard !user.userID.isEmpty else {
      return .failure(
        ServiceFailure(
          .userIDMissing, "results come in any order and are named by it; set it", field: "user.user_id"))
    }
    let work = PromptWorker.Work(
      reader: LLMReader(training: training, limits: limits), user: user, path: "user", settings: settings)
    return try await prompts.jobs(for: [work], deadline: nil, whenFull: .wait)[0]
  }

  /// The user's own result; throws what ends the whole stream.
  private func result(
    of job: Result<EncodingJob, any Error>, userID: String, arrival: ContinuousClock.Instant
  ) async throws -> LLM_UserResult {
    switch job {
    case .failure(let failure):
      return LLM_UserResult(userID: userID, .failure(failure))
    case .success(let job):
      let outcome = try await batcher.submit(contentsOf: [(job, job.cost)], whenFull: .wait)[0]
      var result = LLM_UserResult(userID: userID, outcome.map(\.value))
      if let batched = try? outcome.get() {
        result.timing = .init(of: [batched.timing], total: arrival.duration(to: .now))
      }
      return result
    }
  }
}
