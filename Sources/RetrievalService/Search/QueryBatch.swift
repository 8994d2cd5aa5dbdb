import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import VectorIndex

/// Queries that are searched together: the sound ones go to the index, the others have their error already.
struct QueryBatch {
  private let queries: [Illmrec_Retrieval_V1_Query]
  private let read: [Result<SearchQuery, ServiceFailure>]
  private let field: (Int) -> String

  /// - Parameter field: path of a query from the request's root, by its place.
  init(_ queries: [Illmrec_Retrieval_V1_Query], reader: QueryReader, field: @escaping (Int) -> String) {
    self.queries = queries
    self.field = field
    read = queries.enumerated().map { index, query in
      Result { () throws(ServiceFailure) in try reader.read(query, field: field(index)) }
    }
  }

  var sound: [SearchQuery] { read.compactMap { try? $0.get() } }

  /// One result per query, in order.
  ///
  /// - Parameter outcomes: of the sound ones, in order.
  func results(_ outcomes: [SearchWorker.Outcome]) -> [Illmrec_Retrieval_V1_QueryResult] {
    var outcomes = outcomes.makeIterator()
    return queries.indices.map { index in
      let items = read[index].flatMap { _ in outcomes.next()?.items ?? .success([]) }
      return .with {
        $0.queryID = queries[index].queryID
        switch items {
        case .success(let items): $0.items = items.map { Illmrec_Retrieval_V1_ScoredItem($0) }
        case .failure(let failure): $0.error = failure.located(in: field(index)).itemError
        }
      }
    }
  }
}

extension ServiceFailure {
  /// The failure with a field, unless it names one.
  fileprivate func located(in field: String) -> ServiceFailure {
    self.field == nil ? ServiceFailure(code, reason: reason, message, field: field, retryAfter: retryAfter) : self
  }
}
