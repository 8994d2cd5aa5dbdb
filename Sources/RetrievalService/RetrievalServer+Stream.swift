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
      let method = try SearchMethod(config.method, ef: config.ef, path: "config.")
      let route = try resolver.route(
        stream: config.target, path: "config.", expectedSpace: config.expectedSpaceFingerprint)
      return OrderedBulkSession(header: .with { $0.servedBy = Retrieval_ServedBy(route.queries[0].served) }) {
        queries in
        let batch = QueryBatch(
          queries, limits: limits, method: method, route: route.repeated(for: queries), areStreamed: true)
        let (answers, tokens) = try await answer(batch, requestID: config.requestID, deadline, whenFull: .wait)
        return tokens.carried(by: batch.results(answers)).map { result in .with { $0.result = result } }
      }
    }
  }
}
