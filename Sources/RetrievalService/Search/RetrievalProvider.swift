import GRPCCore
import GRPCTransport
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import VectorIndex

/// The read path: illmrec.retrieval.v1.RetrievalService.
struct RetrievalProvider: Retrieval_RetrievalService.SimpleServiceProtocol {
  let store: VersionStore
  let worker: SearchWorker
  let limits: RetrievalLimits
  let monitor: RolloutMonitor

  private var resolver: VersionResolver { VersionResolver(store: store) }

  func search(
    request: Retrieval_SearchRequest, context: ServerContext
  ) async throws -> Retrieval_SearchResponse {
    let start = ContinuousClock.now
    guard (1...limits.maxQueriesPerRequest).contains(request.queries.count) else {
      throw ServiceFailure(
        .invalidArgument, reason: request.queries.isEmpty ? "QUERIES_MISSING" : "TOO_MANY_QUERIES",
        "\(request.queries.count) queries; send 1 to \(limits.maxQueriesPerRequest), or more through StreamSearch",
        field: "queries")
    }
    let route = try resolver.route(
      request.target, keys: request.queries.map(\.routingKey), field: "expected_space_fingerprint",
      expectedSpace: request.expectedSpaceFingerprint)
    let method = try SearchMethod(request.method, ef: request.ef, field: "method")
    let batch = QueryBatch(request.queries, limits: limits, method: method, served: route.served) { "queries[\($0)]" }
    let outcomes = try await worker.search(batch.sound, deadline: context.deadline)
    monitor.note(batch.answers(outcomes), requestID: request.requestID, routing: route.routing)

    var response = Retrieval_SearchResponse()
    response.requestID = request.requestID
    response.servedBy = Retrieval_ServedBy(route.served[0])
    response.results = batch.results(outcomes)
    response.timing = timing(of: outcomes, since: start)
    return response
  }

  func streamSearch(
    request: RPCAsyncSequence<Retrieval_StreamSearchRequest, any Error>,
    response: RPCWriter<Retrieval_StreamSearchResponse>, context: ServerContext
  ) async throws {
    let stream = SearchStream(
      resolver: resolver, worker: worker, limits: limits, monitor: monitor, deadline: context.deadline)
    try await stream.run(request, response)
  }

  func getItems(
    request: Retrieval_GetItemsRequest, context: ServerContext
  ) async throws -> Retrieval_GetItemsResponse {
    guard request.itemIds.count <= limits.maxItemsPerRequest else {
      throw ServiceFailure(
        .invalidArgument, reason: "TOO_MANY_ITEMS",
        "\(request.itemIds.count) items; ask for at most \(limits.maxItemsPerRequest) at a time", field: "item_ids")
    }
    let served = try resolver.resolve(request.target, field: "target").served
    let vectors = try await worker.vectors(of: request.itemIds, in: served.version, deadline: context.deadline)
    var response = Retrieval_GetItemsResponse()
    response.servedBy = Retrieval_ServedBy(served)
    response.items = zip(request.itemIds, vectors).map { id, vector in
      .with {
        $0.itemID = id
        $0.found = vector != nil
        if let vector { $0.vector = Common_Tensor(vector) }
      }
    }
    return response
  }

  func reportOutcomes(
    request: Retrieval_ReportOutcomesRequest, context: ServerContext
  ) async throws -> Retrieval_ReportOutcomesResponse {
    try OutcomeReport(limits: limits, monitor: monitor).take(request)
  }

  func getServerInfo(
    request: Retrieval_GetServerInfoRequest, context: ServerContext
  ) async throws -> Retrieval_GetServerInfoResponse {
    .with {
      $0.serverVersion = Product.version
      $0.indexes = store.indexNames.compactMap { try? store.resolve(index: $0) }
        .map { Retrieval_ServedBy($0) }
      $0.limits = Retrieval_Limits(limits)
    }
  }

  private func timing(
    of outcomes: [SearchWorker.Outcome], since start: ContinuousClock.Instant
  ) -> Common_Timing {
    .with {
      $0.queueMicros = (outcomes.map(\.queueTime).max() ?? .zero).microseconds
      $0.computeMicros = (outcomes.map(\.computeTime).max() ?? .zero).microseconds
      $0.totalMicros = (ContinuousClock.now - start).microseconds
      $0.batchSize = UInt32(outcomes.map(\.batchSize).max() ?? 0)
    }
  }
}

extension Duration {
  fileprivate var microseconds: UInt64 { UInt64(max(0, self / .microseconds(1))) }
}
