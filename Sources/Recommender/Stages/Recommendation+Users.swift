// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import ServiceAPI
import ServiceSupport
import SwiftProtobuf

// The second stage: histories to user vectors.

extension Recommendation {
  /// Encodes every user that is left. The encoder's space fingerprint goes with them: an LLM service of another training
  /// refuses.
  mutating func encodeUsers() async throws {
    let portions = sound.portions(
      maxCount: max(1, Int(context.published.llm.maxUsersPerRequest)),
      maxBytes: room(context.published.llm.maxMessageBytes),
      bytes: { users[$0].items.reduce(0) { $0 + $1.softToken.data.count + $1.title.utf8.count } })
    for portion in portions {
      let asked = portion.map { users[$0] }
      let stage = Stage(name: "encoding users", target: context.services.llmTarget) {
        Self.origin(ofUsersField: $0, asked)
      }
      let response = try await encode(asked, stage)
      try requireOneTraining(llmModel, response.model, stage)
      llmModel = response.model
      for (index, result) in zip(portion, response.results) { note(result, for: &users[index], stage) }
    }
  }

  private func encode(_ asked: [UserProgress], _ stage: Stage) async throws -> LLM_EncodeUsersResponse {
    let cacheScope = try CacheScope(context.request.cacheScope, field: "cache_scope", caller: context.scope.caller)
    let message = LLM_EncodeUsersRequest.with {
      $0.requestID = context.scope.requestID
      $0.outputs = [.userVector]
      $0.cacheScope = cacheScope.sent
      $0.expectedSpaceFingerprint = release?.training ?? encoderModel?.spaceFingerprint ?? ""
      $0.priority = priority
      $0.users = asked.map { user in
        .with {
          $0.userID = user.history.userID
          $0.history.items = user.items
        }
      }
    }
    let response = try await context.scope.call(stage) {
      try await context.services.llm.encodeUsers(message, metadata: $0, options: $1)
    }
    try Self.requireCount(response.results.count, of: asked.count, "results", stage)
    return response
  }

  private func note(_ result: LLM_UserResult, for user: inout UserProgress, _ stage: Stage) {
    guard !result.hasError else { return user.fail(stage.failure(result.error, field: user.field)) }
    user.vector = result.userVector
    user.promptTokens = result.promptTokens
    user.cachedTokens = result.cachedTokens
    user.truncatedItems = result.truncatedItems
    // They have been read; a large batch need not hold them any longer.
    user.items = []
  }

  /// A service that answers for other elements than it was asked for must not have its answers mixed up.
  static func requireCount(_ count: Int, of expected: Int, _ what: String, _ stage: Stage) throws(ServiceFailure) {
    guard count == expected else {
      throw ServiceFailure(
        .stageAnswerInvalid,
        "\(stage.name) (\(stage.target)): \(count) \(what) came back for \(expected); the service breaks its contract")
    }
  }
}
