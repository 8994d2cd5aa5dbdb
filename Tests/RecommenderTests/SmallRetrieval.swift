import GRPCCore
import ServiceAPI
import ServiceSupport
import SwiftProtobuf

/// RetrievalService over a few vectors in memory.
struct SmallRetrieval: Illmrec_Retrieval_V1_RetrievalService.SimpleServiceProtocol {
  var vectors: [String: [Float]] = [:]
  var spaceFingerprint = "training-a"
  var maxQueriesPerRequest: UInt32 = 100
  var maxItemsPerRequest: UInt32 = 100
  /// Users that another version answers.
  var canaryUsers: Set<String> = []
  let searches = Recorder<Illmrec_Retrieval_V1_SearchRequest>()

  func search(
    request: Illmrec_Retrieval_V1_SearchRequest, context: ServerContext
  ) async throws -> Illmrec_Retrieval_V1_SearchResponse {
    searches.note(request)
    let builtBy = Illmrec_Common_V1_ModelRef.with { $0.spaceFingerprint = spaceFingerprint }
    try builtBy.requireSpace(request.expectedSpaceFingerprint, field: "expected_space_fingerprint")
    return try .with {
      $0.servedBy.version = request.target.version.isEmpty ? "default/versions/1" : request.target.version
      $0.servedBy.role = request.target.version.isEmpty ? .stable : .pinned
      $0.results = try request.queries.map(result)
    }
  }

  private func result(_ query: Illmrec_Retrieval_V1_Query) throws -> Illmrec_Retrieval_V1_QueryResult {
    let user = try query.vector.floats(field: "vector", shape: [2])
    let eligible = vectors.filter { id, _ in
      !query.excludeItemIds.contains(id) && (query.includeItemIds.isEmpty || query.includeItemIds.contains(id))
    }
    let scored = eligible.map { id, vector in
      Illmrec_Retrieval_V1_ScoredItem.with {
        $0.itemID = id
        $0.score = user[0] * vector[0] + user[1] * vector[1]
      }
    }
    return .with {
      $0.queryID = query.queryID
      if canaryUsers.contains(query.routingKey) {
        $0.servedBy.version = "default/versions/2"
        $0.servedBy.role = .canary
      }
      $0.items = Array(scored.sorted { ($1.score, $0.itemID) < ($0.score, $1.itemID) }.prefix(Int(query.k)))
    }
  }

  func getServerInfo(
    request: Illmrec_Retrieval_V1_GetServerInfoRequest, context: ServerContext
  ) async throws -> Illmrec_Retrieval_V1_GetServerInfoResponse {
    .with {
      $0.limits.maxQueriesPerRequest = maxQueriesPerRequest
      $0.limits.maxItemsPerRequest = maxItemsPerRequest
    }
  }

  func streamSearch(
    request: RPCAsyncSequence<Illmrec_Retrieval_V1_StreamSearchRequest, any Error>,
    response: RPCWriter<Illmrec_Retrieval_V1_StreamSearchResponse>, context: ServerContext
  ) async throws { throw RPCError(code: .unimplemented, message: "not used by the gateway") }

  func reportOutcomes(
    request: Illmrec_Retrieval_V1_ReportOutcomesRequest, context: ServerContext
  ) async throws -> Illmrec_Retrieval_V1_ReportOutcomesResponse {
    throw RPCError(code: .unimplemented, message: "not used by the gateway")
  }

  func getItems(
    request: Illmrec_Retrieval_V1_GetItemsRequest, context: ServerContext
  ) async throws -> Illmrec_Retrieval_V1_GetItemsResponse {
    throw RPCError(code: .unimplemented, message: "not used by the gateway")
  }
}
