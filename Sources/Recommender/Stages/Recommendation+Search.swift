// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import ServiceAPI
import ServiceSupport
import SwiftProtobuf

// The third stage: user vectors to items.

extension Recommendation {
  /// Items per user when the request does not say.
  static let defaultK: UInt32 = 10

  /// Searches for every user that is left, each in the index version that the index's serving state gives them. The LLM service's
  /// space fingerprint goes with them: an index of another training refuses.
  mutating func search() async throws {
    let stage = Stage(name: "searching", target: services.retrievalTarget)
    refuseLongLists(stage)
    let portions = sound.portions(
      maxCount: max(1, Int(published.retrieval.maxQueriesPerRequest)),
      maxBytes: room(published.retrieval.maxMessageBytes), bytes: { Self.bytes(of: users[$0]) })
    for portion in portions {
      let response = try await search(portion, stage)
      let common = servedBy ?? response.servedBy
      servedBy = common
      for (index, result) in zip(portion, response.results) {
        let own = result.hasServedBy ? result.servedBy : response.servedBy
        users[index].servedBy = own.version == common.version ? nil : own
        if result.hasError {
          users[index].fail(stage.failure(result.error, field: users[index].field))
        } else {
          users[index].recommended = result.items
        }
      }
    }
  }

  private func search(_ portion: ArraySlice<Int>, _ stage: Stage) async throws -> Retrieval_SearchResponse {
    let search = Retrieval_SearchRequest.with {
      $0.requestID = scope.requestID
      $0.target = request.target
      $0.expectedSpaceFingerprint = llmModel?.spaceFingerprint ?? ""
      $0.queries = portion.map { index in
        .with {
          $0.queryID = users[index].history.userID
          // What the caller wants for all of them counts more.
          if request.target.routingKey.isEmpty { $0.routingKey = users[index].history.userID }
          $0.vector = users[index].vector
          $0.k = request.k == 0 ? Self.defaultK : request.k
          $0.excludeItemIds = users[index].excluded(includingHistory: request.includeHistory)
          $0.includeItemIds = users[index].history.includeItemIds
          $0.includeCategories = request.includeCategories
          $0.excludeCategories = request.excludeCategories
        }
      }
    }
    let response = try await scope.call(stage) {
      try await services.retrieval.search(search, metadata: $0, options: $1)
    }
    try Self.requireCount(response.results.count, of: portion.count, "results", stage)
    return response
  }

  /// One user's lists beyond the service's limit fail that user, not the batch.
  private mutating func refuseLongLists(_ stage: Stage) {
    let limit = Int(published.retrieval.maxItemsPerRequest)
    guard limit > 0 else { return }
    for index in sound {
      let lists = [
        ("exclude_item_ids", users[index].excluded(includingHistory: request.includeHistory).count),
        ("include_item_ids", users[index].history.includeItemIds.count),
      ]
      guard let (name, count) = lists.first(where: { $0.1 > limit }) else { continue }
      let withHistory = name == "exclude_item_ids" && !request.includeHistory ? ", the history among them" : ""
      users[index].fail(
        ServiceFailure(
          .tooManyItems,
          "\(count) items\(withHistory); \(stage.target) takes at most \(limit) in a list",
          field: "\(users[index].field).\(name)"))
    }
  }

  private static func bytes(of user: UserProgress) -> Int {
    let ids = user.history.excludeItemIds + user.history.includeItemIds + user.history.interactions.map(\.itemID)
    return user.vector.data.count + ids.reduce(0) { $0 + $1.utf8.count + 4 }
  }
}
