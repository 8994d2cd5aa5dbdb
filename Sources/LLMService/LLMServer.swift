// SPDX-License-Identifier: Apache-2.0

import Basics
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
  let model: any LLMModel
  let identity: Common_ModelRef
  let limits: LLMLimits
  let reader: LLMReader
  let batcher: Batcher<EncodingJob, EncodedUser>

  /// - Parameters:
  ///   - name: of the checkpoint, in every answer.
  ///   - version: of the checkpoint, in every answer.
  /// - Throws: when the compute thread cannot be started.
  init(
    model: any LLMModel, name: String, version: String, limits: LLMLimits, logger: Logger
  ) throws(ThreadError) {
    self.model = model
    self.limits = limits
    identity = .init(name: name, version: version, model.fingerprints)
    reader = LLMReader(model: model, limits: limits)
    let computation = LLMComputation(model: model, logger: logger)
    batcher = try Batcher(
      name: "llm-compute", maxQueueCost: limits.maxQueueTokens, maxBatchCost: limits.maxBatchTokens,
      costNow: { Self.cost(of: $0, model) }, process: computation.encode)
  }

  /// Tokens that must be computed for it, if it is computed now: the unit of the queue.
  func cost(of job: EncodingJob) -> Int { Self.cost(of: job, model) }

  private static func cost(of job: EncodingJob, _ model: any LLMModel) -> Int {
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

    let jobs = try request.users.enumerated().map { index, user in
      if context.cancellation.isCancelled { throw CancellationError() }
      return Result<EncodingJob, any Error> { try reader.job(user, path: "users[\(index)]", settings) }
    }
    let outcomes = try await jobs.flatMapSuccesses { jobs in
      try await batcher.submit(contentsOf: jobs.map { ($0, cost(of: $0)) })
    }
    return .with {
      $0.requestID = request.requestID
      $0.model = identity
      $0.results = zip(request.users, outcomes).map { LLM_UserResult(userID: $0.userID, $1.map(\.value)) }
      $0.timing = .init(of: outcomes.compactMap { try? $0.get().timing }, total: arrival.duration(to: .now))
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
