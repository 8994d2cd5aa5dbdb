// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import GRPCTransport
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import TestSupport

/// LLMService whose user vector is the sum of the history's soft tokens.
struct SmallLLM: LLM_LLMService.SimpleServiceProtocol {
  var spaceFingerprint = "training-a"
  /// Trainings beside its own.
  var trainings: Set<String> = []
  var maxHistoryItems: UInt32 = 3
  var maxUsersPerRequest: UInt32 = 100
  /// Waits, or throws, before the users are encoded.
  var before: @Sendable () async throws -> Void = {}
  /// Trainings whose users are encoded by nobody before the caller has left.
  var stallingTrainings: Set<String> = []
  /// Told when a caller has left who was stalled.
  let stalled = Recorder<String>()
  /// Whether its limits cannot be asked for.
  var isAway = false
  let encodings = Recorder<LLM_EncodeUsersRequest>()
  /// Of each EncodeUsers; nil where it had none.
  let deadlines = Recorder<ContinuousClock.Instant?>()

  func encodeUsers(
    request: LLM_EncodeUsersRequest, context: ServerContext
  ) async throws -> LLM_EncodeUsersResponse {
    encodings.note(request)
    deadlines.note(context.deadline)
    try await before()
    if stallingTrainings.contains(request.expectedSpaceFingerprint) {
      await untilCancelled()
      stalled.note(request.expectedSpaceFingerprint)
      throw CancellationError()
    }
    let model = Common_ModelRef.with {
      $0.name = "small-llm"
      $0.spaceFingerprint =
        trainings.contains(request.expectedSpaceFingerprint) ? request.expectedSpaceFingerprint : spaceFingerprint
    }
    guard ["", model.spaceFingerprint].contains(request.expectedSpaceFingerprint) else {
      throw ServiceFailure(.trainingNotLoaded, "load it", field: "expected_space_fingerprint")
    }
    return try .with {
      $0.model = model
      $0.results = try request.users.enumerated().map { try result($1, path: "users[\($0)]") }
    }
  }

  private func result(_ user: LLM_UserPrompt, path: String) throws -> LLM_UserResult {
    let items = user.history.items
    let tokens = try items.map { try $0.softToken.floats(field: "soft_token", shape: [2]) }
    return .with {
      $0.userID = user.userID
      if items.contains(where: { $0.title == "too long a title" }) {
        $0.error = ServiceFailure(.textTooLong, "shorten it", field: "\(path).history.items").itemError
        return
      }
      if let place = items.firstIndex(where: { $0.title.contains("<i_vis>") }) {
        $0.error = ServiceFailure(.markerInText, "remove it", field: "\(path).history.items[\(place)].title").itemError
        return
      }
      $0.userVector = .init(tokens.reduce([0, 0]) { [$0[0] + $1[0], $0[1] + $1[1]] })
      $0.promptTokens = UInt32(10 * items.count)
      $0.cachedTokens = 10
      $0.truncatedItems = items.contains { $0.title == "long" } ? 1 : 0
    }
  }

  func getServerInfo(
    request: LLM_GetServerInfoRequest, context: ServerContext
  ) async throws -> LLM_GetServerInfoResponse {
    guard !isAway else { throw RPCError(code: .unavailable, message: "away") }
    return .with {
      $0.limits.maxHistoryItems = maxHistoryItems
      $0.limits.maxUsersPerRequest = maxUsersPerRequest
    }
  }

  func streamEncodeUsers(
    request: RPCAsyncSequence<LLM_StreamEncodeUsersRequest, any Error>,
    response: RPCWriter<LLM_StreamEncodeUsersResponse>, context: ServerContext
  ) async throws { throw RPCError(code: .unimplemented, message: "not used by the gateway") }

  func countTokens(
    request: LLM_CountTokensRequest, context: ServerContext
  ) async throws -> LLM_CountTokensResponse {
    throw RPCError(code: .unimplemented, message: "not used by the gateway")
  }
}
