// SPDX-License-Identifier: Apache-2.0

import Basics
import Foundation
import GRPCCore
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import TestSupport

@testable import Recommender

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
  /// What GetRouting answers by turns, the last one for ever; a service of before releases when empty.
  var routings: [Retrieval_Routing] = []
  /// Vectors of each version, by its name; those above where it has none of its own.
  var versions: [String: [Identifier: [Float]]] = [:]
  let searches = Recorder<Retrieval_SearchRequest>()
  let routingsAsked = Recorder<Retrieval_GetRoutingRequest>()
  let failuresReported = Recorder<Retrieval_ReportFailuresRequest>()
  let comparisonsOffered = Recorder<Retrieval_OfferComparisonsRequest>()

  func search(
    request: Retrieval_SearchRequest, context: ServerContext
  ) async throws -> Retrieval_SearchResponse {
    searches.note(request)
    if let routed = try routedSearch(request) { return routed }
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

  /// Answers by the routing that holds by now: the last one.
  private func routedSearch(_ request: Retrieval_SearchRequest) throws -> Retrieval_SearchResponse? {
    guard let routing = routings.last.map(ReleaseRouting.init) else { return nil }
    let stable = routing.message.stable.version
    return try .with {
      $0.servedBy.version = stable
      $0.results = try request.queries.map { query in
        let routed = query.fellBackFrom.isEmpty ? routing.release(of: query.routingKey).version : stable
        let chosen = request.target.version.isEmpty ? routed : request.target.version
        let wanted = [routing.stable, routing.candidate].first { $0?.version == query.expectedVersion } ?? nil
        guard query.expectedVersion == chosen, request.expectedSpaceFingerprint == wanted?.training else {
          let moved = ServiceFailure(relaying: .aborted, reason: "SERVING_STATE_CHANGED", "another version answers")
          return .with { $0.error = moved.itemError }
        }
        return try .with {
          if failingUsers.contains(query.routingKey), chosen != stable { $0.error = Self.away.itemError }
          if !$0.hasError { $0 = try result(query, in: versions[chosen] ?? vectors) }
          $0.fellBackFrom = query.fellBackFrom
          if chosen != stable { $0.servedBy.version = chosen }
        }
      }
    }
  }

  func getRouting(
    request: Retrieval_GetRoutingRequest, context: ServerContext
  ) async throws -> Retrieval_GetRoutingResponse {
    guard !routings.isEmpty else { throw RPCError(code: .unimplemented, message: "of before releases") }
    let asked = routingsAsked.values.count
    routingsAsked.note(request)
    return .with { $0.routing = routings[min(asked, routings.count - 1)] }
  }

  func offerComparisons(
    request: Retrieval_OfferComparisonsRequest, context: ServerContext
  ) async throws -> Retrieval_OfferComparisonsResponse {
    comparisonsOffered.note(request)
    return .init()
  }

  func reportFailures(
    request: Retrieval_ReportFailuresRequest, context: ServerContext
  ) async throws -> Retrieval_ReportFailuresResponse {
    failuresReported.note(request)
    return .init()
  }

  private static let away = ServiceFailure(.backendUnavailable, "the vectors are away")

  private func result(
    _ query: Retrieval_Query, in versionVectors: [Identifier: [Float]]? = nil
  ) throws -> Retrieval_QueryResult {
    let vectors = versionVectors ?? self.vectors
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
      if versionVectors == nil, failingUsers.contains(query.routingKey) {
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
