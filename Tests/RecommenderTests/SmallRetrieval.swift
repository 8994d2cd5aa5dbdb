// SPDX-License-Identifier: Apache-2.0

import Basics
import Foundation
import GRPCCore
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import TestSupport

/// RetrievalService over a few vectors in memory.
struct SmallRetrieval: Retrieval_RetrievalService.SimpleServiceProtocol {
  var vectors: [Identifier: [Float]] = [:]
  var spaceFingerprint = "training-a"
  var maxQueriesPerRequest: UInt32 = 100
  var maxItemsPerRequest: UInt32 = 100
  /// Users that another version answers.
  var canaryUsers: Set<String> = []
  /// What becomes of every query in place of a search; or thrown for the request.
  var failure: (@Sendable (_ place: Int) throws -> ServiceFailure)?
  /// Users whose version fails: alone in a request, the whole of it.
  var failingUsers: Set<String> = []
  /// Users whom the stable version answers in place of another, which failed.
  var fallingUsers: Set<String> = []
  let searches = Recorder<Retrieval_SearchRequest>()

  func search(
    request: Retrieval_SearchRequest, context: ServerContext
  ) async throws -> Retrieval_SearchResponse {
    searches.note(request)
    if request.queries.allSatisfy({ failingUsers.contains($0.routingKey) }) { throw Self.away }
    guard ["", spaceFingerprint].contains(request.expectedSpaceFingerprint) else {
      throw ServiceFailure(.modelMismatch, "publish its items", field: "expected_space_fingerprint")
    }
    return try .with {
      $0.servedBy.version = request.target.version.isEmpty ? "default/versions/1" : request.target.version
      $0.servedBy.role = request.target.version.isEmpty ? .stable : .pinned
      $0.results = try request.queries.enumerated().map { place, query in
        guard let failure = try failure?(place) else { return try result(query) }
        return .with { $0.error = failure.itemError }
      }
    }
  }

  private static let away = ServiceFailure(.backendUnavailable, "the vectors are away")

  private func result(_ query: Retrieval_Query) throws -> Retrieval_QueryResult {
    let user = try query.vector.floats(field: "vector", shape: [2])
    let excluded = Set(query.excludeItemIds.map(Identifier.init(_:)))
    let included = Set(query.includeItemIds.map(Identifier.init(_:)))
    let eligible = vectors.filter { id, _ in
      !excluded.contains(id) && (included.isEmpty || included.contains(id))
    }
    let scored = eligible.map { id, vector in
      Retrieval_ScoredItem.with {
        $0.itemID = id.text
        $0.score = user[0] * vector[0] + user[1] * vector[1]
      }
    }
    return .with {
      $0.queryID = query.queryID
      if fallingUsers.contains(query.routingKey) { $0.fellBackFrom = "default/versions/2" }
      $0.outcomeToken = Data("token of \(query.queryID)".utf8)
      if canaryUsers.contains(query.routingKey) {
        $0.servedBy.version = "default/versions/2"
        $0.servedBy.role = .canary
      }
      if failingUsers.contains(query.routingKey) {
        $0.error = Self.away.itemError
        return
      }
      $0.items = Array(scored.sorted { ($1.score, $0.itemID) < ($0.score, $1.itemID) }.prefix(Int(query.k)))
    }
  }

  func getServerInfo(
    request: Retrieval_GetServerInfoRequest, context: ServerContext
  ) async throws -> Retrieval_GetServerInfoResponse {
    .with {
      $0.limits.maxQueriesPerRequest = maxQueriesPerRequest
      $0.limits.maxItemsPerRequest = maxItemsPerRequest
      $0.limits.maxK = 900
    }
  }

  func streamSearch(
    request: RPCAsyncSequence<Retrieval_StreamSearchRequest, any Error>,
    response: RPCWriter<Retrieval_StreamSearchResponse>, context: ServerContext
  ) async throws { throw RPCError(code: .unimplemented, message: "not used by the gateway") }

  func reportOutcomes(
    request: Retrieval_ReportOutcomesRequest, context: ServerContext
  ) async throws -> Retrieval_ReportOutcomesResponse {
    throw RPCError(code: .unimplemented, message: "not used by the gateway")
  }

  func getItems(
    request: Retrieval_GetItemsRequest, context: ServerContext
  ) async throws -> Retrieval_GetItemsResponse {
    throw RPCError(code: .unimplemented, message: "not used by the gateway")
  }
}
