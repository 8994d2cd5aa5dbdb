import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import VectorIndex

/// Queries that are searched together: the sound ones go to the index, the others have their error already.
struct QueryBatch {
  private let queries: [Retrieval_Query]
  private let served: [ServedVersion]
  private let read: [Result<SearchQuery, ServiceFailure>]
  private let field: (Int) -> String

  /// - Parameters:
  ///   - limits: what a query may ask for.
  ///   - method: how they are answered.
  ///   - served: the version that answers each query.
  ///   - field: path of a query from the request's root, by its place.
  init(
    _ queries: [Retrieval_Query], limits: RetrievalLimits, method: SearchMethod,
    served: [ServedVersion], field: @escaping (Int) -> String
  ) {
    self.queries = queries
    self.served = served
    self.field = field
    read = queries.enumerated().map { index, query in
      let reader = QueryReader(limits: limits, dim: served[index].version.info.dim, method: method)
      return Result { () throws(ServiceFailure) in try reader.read(query, field: field(index)) }
    }
  }

  /// What can be searched for, in order.
  var sound: [(query: SearchQuery, version: IndexVersion)] {
    zip(read, served).compactMap { read, served in (try? read.get()).map { ($0, served.version) } }
  }

  /// What became of the sound queries, for those who measure.
  func answers(_ outcomes: [SearchWorker.Outcome]) -> [ServedAnswer] {
    var outcomes = outcomes.makeIterator()
    return queries.indices.compactMap { index in
      guard let query = try? read[index].get(), let outcome = outcomes.next() else { return nil }
      return ServedAnswer(query: query, queryID: queries[index].queryID, served: served[index], outcome: outcome)
    }
  }

  /// One result per query, in order. Those of another version than the first query's say so.
  ///
  /// - Parameter outcomes: of the sound ones, in order.
  func results(_ outcomes: [SearchWorker.Outcome]) -> [Retrieval_QueryResult] {
    var outcomes = outcomes.makeIterator()
    return queries.indices.map { index in
      let outcome = read[index].map { _ in outcomes.next() }
      let items = outcome.flatMap { $0?.items ?? .success([]) }
      return .with {
        $0.queryID = queries[index].queryID
        if served[index].version !== served[0].version {
          $0.servedBy = Retrieval_ServedBy(served[index])
        }
        switch items {
        case .success(let items):
          $0.items = items.map { Retrieval_ScoredItem($0) }
          $0.method = (try? outcome.get())?.method ?? .unspecified
        case .failure(let failure): $0.error = failure.located(in: field(index)).itemError
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

extension ServiceFailure {
  /// The failure with a field, unless it names one.
  fileprivate func located(in field: String) -> ServiceFailure {
    self.field == nil ? ServiceFailure(code, reason: reason, message, field: field, retryAfter: retryAfter) : self
  }
}
