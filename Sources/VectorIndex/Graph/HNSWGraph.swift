// SPDX-License-Identifier: Apache-2.0

import CVectorIndex
import Kernels

/// An HNSW graph over a version's vectors, opened to be searched. Any threads may search it at the same time.
///
/// Sendable although it holds a pointer: the graph behind it never changes, and the C side locks what searches lend each
/// other.
struct HNSWGraph: ~Copyable, @unchecked Sendable {
  /// What a query found.
  struct Answer {
    /// Highest score first, equal scores by row; the scores are an exact scan's.
    var hits: [InnerProductScan.Hit]
    /// False when the search was given up because it took more than its budget: there are no hits then.
    var isComplete: Bool
  }

  private let handle: OpaquePointer

  /// Opens the graph in `bytes`.
  ///
  /// - Parameters:
  ///   - vectors: [itemCount, dim], kept alive by the caller as long as the graph.
  ///   - path: names the file in errors.
  init(
    _ bytes: UnsafeRawBufferPointer, of vectors: UnsafeBufferPointer<Float>, dim: Int, path: String
  ) throws(VectorIndexError) {
    let itemCount = vectors.count / dim
    var message = illmrec_graph_message()
    var handle: OpaquePointer?
    let status = illmrec_graph_open(
      bytes.baseAddress, bytes.count, vectors.baseAddress, UInt32(itemCount), UInt32(dim), &handle, &message)
    guard status == ILLMREC_GRAPH_OK, let handle else {
      throw Self.error(status, message) { "\(path) cannot be used as a graph: \($0)" }
    }
    self.handle = handle
  }

  deinit { illmrec_graph_close(handle) }

  /// Searches for `queries`, each on one thread of the team.
  ///
  /// - Parameters:
  ///   - ef: candidates kept, at least each query's k.
  ///   - budget: vectors to look at, at most, before a search is given up.
  func search(_ queries: ArraySlice<RowQuery>, ef: Int, budget: Int, team: ComputeTeam) -> [Answer] {
    let vectors = Array(queries.map(\.vector).joined())
    let excluded = Array(queries.map(\.excludedRows).joined())
    let room = queries.reduce(0) { $0 + $1.k }
    var answers = [illmrec_graph_answer](repeating: illmrec_graph_answer(), count: queries.count)
    let hits = [illmrec_hit](unsafeUninitializedCapacity: max(room, 1)) { hits, count in
      count = hits.count
      hits.initialize(repeating: illmrec_hit())
      vectors.withUnsafeBufferPointer { vectors in
        excluded.withUnsafeBufferPointer { excluded in
          let described = Self.describe(queries, vectors, excluded, ef: ef, budget: budget)
          var place = hits.baseAddress
          for (index, query) in queries.enumerated() {
            answers[index].hits = place
            place = place.map { $0 + query.k }
          }
          illmrec_graph_search(handle, described, UInt32(described.count), team.handle, ILLMREC_ISA_BEST, &answers)
        }
      }
    }
    var first = 0
    return zip(queries, answers).map { query, answer in
      defer { first += query.k }
      let found = hits[first..<first + Int(answer.count)].map { InnerProductScan.Hit(row: $0.row, score: $0.score) }
      return Answer(hits: found, isComplete: answer.complete)
    }
  }

  private static func describe(
    _ queries: ArraySlice<RowQuery>, _ vectors: UnsafeBufferPointer<Float>, _ excluded: UnsafeBufferPointer<UInt32>,
    ef: Int, budget: Int
  ) -> [illmrec_graph_query] {
    var vector = vectors.baseAddress
    var excludedAt = excluded.baseAddress
    return queries.map { query in
      var described = illmrec_graph_query()
      described.query.vector = vector
      described.query.excluded = excludedAt
      described.query.excluded_count = query.excludedRows.count
      described.query.k = UInt32(clamping: query.k)
      described.breadth = UInt32(clamping: max(ef, query.k))
      described.budget = UInt32(clamping: budget)
      vector = vector.map { $0 + query.vector.count }
      excludedAt = excludedAt.map { $0 + query.excludedRows.count }
      return described
    }
  }

  /// The error of a call that failed; `text` makes its message of the library's.
  static func error(
    _ status: illmrec_graph_status, _ message: illmrec_graph_message, _ text: (String) -> String
  ) -> VectorIndexError {
    let words = withUnsafeBytes(of: message.text) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    switch status {
    case ILLMREC_GRAPH_NO_MEMORY:
      return VectorIndexError(
        .outOfMemory,
        "\(text(words)); delete old versions, publish without a graph, or use a machine with more memory")
    case ILLMREC_GRAPH_CANCELLED:
      return VectorIndexError(.cancelled, "nobody waits for this publication any more; nothing was published")
    case ILLMREC_GRAPH_INVALID: return VectorIndexError(.corrupt, text(words))
    default: return VectorIndexError(.graphFailed, text(words))
    }
  }
}
