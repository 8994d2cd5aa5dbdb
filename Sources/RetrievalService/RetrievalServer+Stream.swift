// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import GRPCTransport
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import VectorIndex

extension RetrievalServer {
  /// Answers in order, and stays with the version that was resolved when the stream began.
  func streamSearch(
    request messages: RPCAsyncSequence<Retrieval_StreamSearchRequest, any Error>,
    response writer: RPCWriter<Retrieval_StreamSearchResponse>, context: ServerContext
  ) async throws {
    let deadline = context.deadline
    try await BulkStream(messages, writer).answerInOrder(readingAhead: RetrievalComputation.maxBatchQueries) { config in
      let method = try SearchMethod(config.method, ef: config.ef, field: "config.method")
      let (served, routing) = try resolver.resolve(
        config.target, field: "config.expected_space_fingerprint", expectedSpace: config.expectedSpaceFingerprint)
      return OrderedBulkSession(header: .with { $0.servedBy = Retrieval_ServedBy(served) }) { queries in
        for query in queries { try requireID(of: query) }
        let batch = QueryBatch(
          queries, limits: limits, method: method, served: queries.map { _ in served }, field: { _ in "query" })
        let outcomes = try await batch.search(by: worker, deadline: deadline, whenFull: .wait)
        monitor.note(batch.answers(outcomes), requestID: config.requestID, routing: routing)
        return batch.results(outcomes).map { result in .with { $0.result = result } }
      }
    }
  }

  private func requireID(of query: Retrieval_Query) throws(ServiceFailure) {
    guard !query.queryID.isEmpty else {
      throw ServiceFailure(
        .queryIDMissing, "a query of a stream needs an id to be told apart by", field: "query.query_id")
    }
  }
}
