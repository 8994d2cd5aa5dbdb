// SPDX-License-Identifier: Apache-2.0

import Basics
import GRPCCore
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import VectorIndex

/// Queries that are searched together: the sound ones go to the index, the others have their error already.
struct QueryBatch: Sendable {
  /// What became of a query, or why it could not be searched for.
  typealias Outcome = Result<SearchWorker.Outcome, ServiceFailure>

  private let queries: [Retrieval_Query]
  private let served: [ServedVersion]
  private let read: [Result<SearchQuery, ServiceFailure>]
  private let areStreamed: Bool

  /// - Parameters:
  ///   - limits: what a query may ask for.
  ///   - method: how they are answered.
  ///   - served: the version that answers each query.
  ///   - areStreamed: whether each came in a message of its own, and must have an id.
  init(
    _ queries: [Retrieval_Query], limits: RetrievalLimits, method: SearchMethod,
    served: [ServedVersion], areStreamed: Bool = false
  ) {
    self.queries = queries
    self.served = served
    self.areStreamed = areStreamed
    let reader = RetrievalReader(limits: limits)
    read = queries.enumerated().map { index, query in
      Result { () throws(ServiceFailure) in
        try reader.query(
          query, dim: served[index].version.info.dim, method: method,
          field: Self.field(index, areStreamed: areStreamed), needsID: areStreamed)
      }
    }
  }

  /// Path of a query from the root of its message, by its place.
  private static func field(_ index: Int, areStreamed: Bool) -> String { areStreamed ? "query" : "queries[\(index)]" }

  /// Searches for the sound queries together; one outcome per query, in order.
  func search(
    by worker: SearchWorker, deadline: ContinuousClock.Instant?, whenFull: WhenFull
  ) async throws -> [Outcome] {
    let versioned = zip(read, served).map { query, served in query.map { (query: $0, version: served.version) } }
    return try await versioned.flatMapSuccesses { queries in
      try await worker.search(queries, deadline: deadline, whenFull: whenFull).map { .success($0) }
    }
  }

  /// What became of the queries that reached an index, for those who measure.
  func answers(_ outcomes: [Outcome]) -> [ServedAnswer] {
    queries.indices.compactMap { index in
      guard case .success(let query) = read[index], case .success(let outcome) = outcomes[index] else { return nil }
      return ServedAnswer(query: query, queryID: queries[index].queryID, served: served[index], outcome: outcome)
    }
  }

  /// One result per query, in order. Those of another version than the first query's say so.
  func results(_ outcomes: [Outcome]) -> [Retrieval_QueryResult] {
    queries.indices.map { index in
      .with {
        $0.queryID = queries[index].queryID
        if served[index].version !== served[0].version { $0.servedBy = Retrieval_ServedBy(served[index]) }
        let field = Self.field(index, areStreamed: areStreamed)
        switch outcomes[index].flatMap({ $0.items.mapError { $0.located(in: field) } }) {
        case .success(let items):
          $0.items = items.map { Retrieval_ScoredItem($0) }
          $0.method = (try? outcomes[index].get())?.method ?? .unspecified
        case .failure(let failure): $0.error = failure.itemError
        }
      }
    }
  }
}

/// A query that reached the index, and what became of it.
struct ServedAnswer: Sendable {
  let query: SearchQuery
  let queryID: String
  let served: ServedVersion
  let outcome: SearchWorker.Outcome
}
