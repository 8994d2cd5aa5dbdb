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
      maxCount: max(1, Int(published.retrieval.maxQueriesPerRequest)),
      maxBytes: room(published.retrieval.maxMessageBytes), bytes: { Self.bytes(of: users[$0]) })
    var failures: [ServiceFailure] = []
    for portion in portions {
      let asked = portion.map { users[$0] }
      let stage = Stage(name: "searching", target: services.retrievalTarget) { Self.origin(ofSearchField: $0, asked) }
      let response: Retrieval_SearchResponse
      do {
        response = try await search(asked, stage)
      } catch let failure as ServiceFailure {
        // The users of this RPC fail; those of the others have their answers.
        failures.append(failure)
        for index in portion { users[index].fail(failure.of(users[index].field)) }
        continue
      }
      let common = servedBy ?? response.servedBy
      servedBy = common
      for (index, result) in zip(portion, response.results) {
        let own = result.hasServedBy ? result.servedBy : response.servedBy
        users[index].servedBy = own.version == common.version ? nil : own
        if result.hasError {
          // The others' answers stay; this user's says what failed and where.
          users[index].fail(stage.failure(result.error, field: users[index].field))
        } else {
          users[index].recommended = result.items
          users[index].fellBackFrom = result.fellBackFrom
          users[index].outcomeToken = result.outcomeToken
        }
      }
    }
    // Nothing is left of the request: the caller is told so by its status.
    if let first = failures.first, failures.count == portions.count, failures.allSatisfy({ $0.reason == first.reason })
    {
      throw first
    }
  }

  private func search(_ asked: [UserProgress], _ stage: Stage) async throws -> Retrieval_SearchResponse {
    let search = Retrieval_SearchRequest.with {
      $0.requestID = scope.requestID
      $0.target = request.target
      $0.expectedSpaceFingerprint = llmModel?.spaceFingerprint ?? ""
      $0.queries = asked.map { Retrieval_Query(for: $0, of: request) }
    }
    let response = try await scope.call(stage) {
      try await services.retrieval.search(search, metadata: $0, options: $1)
    }
    try Self.requireCount(response.results.count, of: asked.count, "results", stage)
    return response
  }

  private static func bytes(of user: UserProgress) -> Int {
    let ids = user.history.excludeItemIds + user.history.includeItemIds + user.history.interactions.map(\.itemID)
    return user.vector.data.count + ids.reduce(0) { $0 + $1.utf8.count + 4 }
  }
}
