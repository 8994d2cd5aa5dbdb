// SPDX-License-Identifier: Apache-2.0

import Basics
import GRPCCore
import GRPCTransport
import Logging
import ModelServing
import Models
import ServiceAPI
import ServiceSupport
import SwiftProtobuf

/// LLMService: histories to user vectors.
///
/// A handler has its users checked and tokenised by one thread (``PromptWorker``), unless there would be no room for them behind it,
/// then hands them to the one compute thread, where users of different callers are packed into batches, whichever training they
/// name. See ``Batcher`` for what becomes of load, cancellation and deadlines.
final class LLMServer: Sendable {
  let trainings: LLMTrainings
  let limits: LLMLimits
  let prompts: PromptWorker
  let batcher: Batcher<EncodingJob, EncodedUser>

  /// - Parameter trainings: over one frozen LLM.
  /// - Throws: when the compute thread cannot be started.
  init(trainings: LLMTrainings, limits: LLMLimits, logger: Logger) throws(ThreadError) {
    self.trainings = trainings
    self.limits = limits
    let computation = LLMComputation(logger: logger)
    prompts = try PromptWorker(limits: limits)
    batcher = try Batcher(
      name: "llm-compute", maxQueueCost: limits.maxQueueTokens, maxBatchCost: limits.maxBatchTokens,
      maxQueueTime: limits.maxQueueTime, costNow: { $0.cost }, process: computation.encode)
  }

  /// Ends both threads.
  func shutdown() async {
    await prompts.shutdown()
    await batcher.shutdown()
  }
}

extension LLMServer: LLM_LLMService.SimpleServiceProtocol {
  func encodeUsers(
    request: LLM_EncodeUsersRequest, context: ServerContext
  ) async throws -> LLM_EncodeUsersResponse {
    let arrival = ContinuousClock.now
    let training = try trainings.lease(request.expectedSpaceFingerprint, field: "expected_space_fingerprint")
    try training.identity.requireVersion(request.modelVersion, field: "model_version")
    let reader = LLMReader(training: training, limits: limits)
    let settings = EncodingJob.Settings(
      outputs: try UserOutputs(request.outputs, field: "outputs"),
      cacheScope: try CacheScope(request.cacheScope, field: "cache_scope"))
    let whenFull = try WhenFull(request.priority)
    try checkCount(of: request.users)

    let deadline = context.deadline
    try batcher.requireRoom(for: request.users.count, deadline: deadline, whenFull: whenFull)
    let work = request.users.enumerated().map { index, user in
      PromptWorker.Work(reader: reader, user: user, path: "users[\(index)]", settings: settings)
    }
    let jobs = try await prompts.jobs(for: work, deadline: deadline, whenFull: whenFull)
    let outcomes = try await jobs.flatMapSuccesses { jobs in
      try await batcher.submit(contentsOf: jobs.map { ($0, $0.cost) }, deadline: deadline, whenFull: whenFull)
    }
    return .with {
      $0.requestID = request.requestID
      $0.model = training.identity
      $0.results = zip(request.users, outcomes).map { LLM_UserResult(userID: $0.userID, $1.map(\.value)) }
      $0.timing = .init(of: outcomes.compactMap { try? $0.get().timing }, total: arrival.duration(to: .now))
    }
  }

  func countTokens(
    request: LLM_CountTokensRequest, context: ServerContext
  ) async throws -> LLM_CountTokensResponse {
    let training = try trainings.lease(request.spaceFingerprint, field: "space_fingerprint")
    let work = PromptWorker.Work(
      reader: LLMReader(training: training, limits: limits), user: request.user, path: "user", settings: nil)
    let prompt = try await prompts.jobs(for: [work], deadline: context.deadline, whenFull: .refuse)[0].get().prompt
    return .with {
      $0.model = training.identity
      $0.promptTokens = UInt32(prompt.tokenCount)
      $0.recPosition = UInt32(prompt.recPosition)
      $0.softTokenPositions = prompt.softTokenPositions.map(UInt32.init)
      $0.truncatedItems = UInt32(prompt.truncatedItems)
      $0.tokenIds = prompt.tokenIDs.map { UInt32(bitPattern: $0) }
    }
  }

  private func checkCount(of users: [LLM_UserPrompt]) throws(ServiceFailure) {
    guard !users.isEmpty else {
      throw ServiceFailure(.noUsers, "no users; send at least one", field: "users")
    }
    guard users.count <= limits.maxUsers else {
      throw ServiceFailure(
        .tooManyUsers,
        "\(users.count) users, at most \(limits.maxUsers) may be sent; split the request or use StreamEncodeUsers",
        field: "users")
    }
  }
}
