// SPDX-License-Identifier: Apache-2.0

import Basics
import GRPCCore
import GRPCTransport
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import VectorIndex

/// RetrievalService: the read path. ``IndexAdminServer`` is the control plane.
struct RetrievalServer: Sendable {
  let store: VersionStore
  let worker: SearchWorker
  let limits: RetrievalLimits
  let monitor: RolloutMonitor

  var resolver: VersionResolver { VersionResolver(store: store) }
}

extension RetrievalServer: Retrieval_RetrievalService.SimpleServiceProtocol {
  func search(
    request: Retrieval_SearchRequest, context: ServerContext
  ) async throws -> Retrieval_SearchResponse {
    let arrival = ContinuousClock.now
    try RetrievalReader(limits: limits).checkCount(of: request.queries)
    let route = try resolver.route(request)
    let method = try SearchMethod(request.method, ef: request.ef)
    let batch = QueryBatch(request.queries, limits: limits, method: method, route: route)
    let (answers, tokens) = try await answer(
      batch, requestID: request.requestID, context.deadline, whenFull: .refuse)
    return .with {
      $0.requestID = request.requestID
      $0.servedBy = Retrieval_ServedBy(route.queries[0].served)
      $0.results = tokens.carried(by: batch.results(answers))
      $0.timing = .init(of: answers.compactMap { try? $0.outcome.get() }, total: arrival.duration(to: .now))
    }
  }

  func getItems(
    request: Retrieval_GetItemsRequest, context: ServerContext
  ) async throws -> Retrieval_GetItemsResponse {
    try RetrievalReader(limits: limits).check(request)
    let page = try ItemPage(request)
    let served = try resolver.resolve(
      page.version.map { version in .with { $0.version = "\(version)" } } ?? request.target)
    let info = served.version.info
    let ids = try page.ids(dim: info.dim, maxMessageBytes: limits.maxMessageBytes)
    let vectors = try await worker.vectors(of: Array(ids), in: served.version, deadline: context.deadline)
    return .with {
      $0.servedBy = Retrieval_ServedBy(served)
      $0.nextPageToken = page.nextToken(after: ids, of: info.name)
      $0.items = zip(ids, vectors).map { id, vector in
        .with {
          $0.itemID = id
          $0.found = vector != nil
          if let vector { $0.vector = Common_Tensor(vector) }
        }
      }
    }
  }

  func getRouting(
    request: Retrieval_GetRoutingRequest, context: ServerContext
  ) async throws -> Retrieval_GetRoutingResponse {
    let target = try resolver.target(request.target)
    return .with { $0.routing = Retrieval_Routing(target) }
  }

  func offerComparisons(
    request: Retrieval_OfferComparisonsRequest, context: ServerContext
  ) async throws -> Retrieval_OfferComparisonsResponse {
    try ComparisonOffer(limits: limits, monitor: monitor).take(request)
  }

  func reportFailures(
    request: Retrieval_ReportFailuresRequest, context: ServerContext
  ) async throws -> Retrieval_ReportFailuresResponse {
    try FailureReport(limits: limits, monitor: monitor).take(request)
  }

  func reportOutcomes(
    request: Retrieval_ReportOutcomesRequest, context: ServerContext
  ) async throws -> Retrieval_ReportOutcomesResponse {
    try OutcomeReport(limits: limits, monitor: monitor).take(request)
  }

  /// Searches, lets the stable version answer where the rollout's plan says so, and counts what became of every query before
  /// anything is thrown.
  func answer(
    _ batch: QueryBatch, requestID: String, _ deadline: ContinuousClock.Instant?, whenFull: WhenFull
  ) async throws -> (answers: [QueryBatch.Answer], tokens: OutcomeTokens) {
    let found = await batch.search(by: worker, deadline: deadline, whenFull: whenFull)
    let answers = await batch.fallingBack(from: found, by: worker, deadline: deadline, whenFull: whenFull)
    let tokens = monitor.note(
      batch.served(answers), requestID: requestID, routing: batch.routing, pair: batch.pair(at:))
    try batch.requireAnyAnswer(answers)
    return (answers, tokens)
  }
}

extension Common_Timing {
  /// Where the time of a request went whose queries were searched for together.
  fileprivate init(of outcomes: [SearchWorker.Outcome], total: Duration) {
    self.init()
    queueMicros = (outcomes.map(\.queueTime).max() ?? .zero).microseconds
    computeMicros = (outcomes.map(\.computeTime).max() ?? .zero).microseconds
    totalMicros = total.microseconds
    batchSize = UInt32(outcomes.map(\.batchSize).max() ?? 0)
  }
}
