// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import ServiceAPI
import ServiceSupport
import SwiftProtobuf

// The third stage: user vectors to items.

extension Recommendation {
  /// Searches for every user that is left, each in the index version that the index's serving state gives them. The LLM service's
  /// space fingerprint goes with them: an index of another training refuses.
  mutating func search() async throws {
    let portions = sound.portions(
      maxCount: max(1, Int(context.published.retrieval.maxQueriesPerRequest)),
      maxBytes: room(context.published.retrieval.maxMessageBytes), bytes: { Self.bytes(of: users[$0]) })
    for portion in portions {
      if context.scope.isOpen {
        for index in portion { users[index].isSearched = true }
      }
      let asked = portion.map { users[$0] }
      let stage = Stage(name: "searching", target: context.services.retrievalTarget) {
        Self.origin(ofSearchField: $0, asked)
      }
      do {
        let response = try await search(asked, stage)
        for (index, result) in zip(portion, response.results) {
          users[index].servedBy = result.hasServedBy ? result.servedBy : response.servedBy
          note(result, for: &users[index], stage)
        }
      } catch let failure as ServiceFailure {
        // The users of this RPC fail; those of the others have their answers.
        for index in portion { users[index].stop(failure) }
      }
    }
  }

  private func note(_ result: Retrieval_QueryResult, for user: inout UserProgress, _ stage: Stage) {
    // The others' answers stay; this user's says what failed and where.
    guard !result.hasError else { return user.fail(stage.failure(result.error, field: user.field)) }
    user.recommended = result.items
    user.isAnswered = true
    user.fellBackFrom = result.fellBackFrom
    user.outcomeToken = result.outcomeToken
  }

  private func search(_ asked: [UserProgress], _ stage: Stage) async throws -> Retrieval_SearchResponse {
    let search = Retrieval_SearchRequest.with {
      $0.requestID = context.scope.requestID
      $0.target = target
      $0.expectedSpaceFingerprint = llmModel?.spaceFingerprint ?? ""
      $0.queries = asked.map { query(for: $0) }
    }
    let response = try await context.scope.call(stage) {
      try await context.services.retrieval.search(search, metadata: $0, options: $1)
    }
    try Self.requireCount(response.results.count, of: asked.count, "results", stage)
    return response
  }

  private var target: Retrieval_VersionSelector {
    guard isPinned, let release else { return context.request.target }
    return .with { $0.version = release.version }
  }

  /// The search for a user whom this release answers.
  func query(for user: UserProgress) -> Retrieval_Query {
    var query = Retrieval_Query(for: user, of: context.request)
    if let release { query.expectedVersion = release.version }
    return query
  }

  private static func bytes(of user: UserProgress) -> Int {
    let ids = user.history.excludeItemIds + user.history.includeItemIds + user.history.interactions.map(\.itemID)
    return user.vector.data.count + ids.reduce(0) { $0 + $1.utf8.count + 4 }
  }
}
