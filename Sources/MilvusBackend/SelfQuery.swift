// SPDX-License-Identifier: Apache-2.0

import VectorIndex

/// Searches a filled collection for a few of its own vectors and compares the answers with inner products computed here, in
/// double precision, from the files that were uploaded.
struct SelfQuery {
  private let target: MilvusCollection
  private let rows: StagedRows

  init(_ target: MilvusCollection, _ rows: StagedRows) {
    self.target = target
    self.rows = rows
  }

  func run() async throws(VectorIndexError) {
    let places = Set([0, rows.count / 2, rows.count - 1]).sorted()
    let queries = places.map { RowQuery(vector: vector(at: $0), k: min(10, rows.count)) }
    for (place, result) in zip(places, try await target.search(queries, .strong)) {
      try check(try result.get(), ofRow: place)
    }
  }

  private func check(_ hits: [RowHit], ofRow place: Int) throws(VectorIndexError) {
    let query = vector(at: place)
    guard hits.count == min(10, rows.count) else {
      throw failure("found \(hits.count) of \(min(10, rows.count)) rows")
    }
    for hit in hits {
      let score = product(query, vector(at: Int(hit.row)))
      guard abs(score - Double(hit.score)) <= bound else {
        throw failure("gave row \(hit.row) the score \(hit.score), not \(score)")
      }
    }
    let own = product(query, query)
    // Where every row is scored, the vector itself is found unless ten others score higher.
    guard
      target.settings.index.kind != .flat || hits.contains(where: { $0.row == place })
        || hits.allSatisfy({ Double($0.score) >= own - bound })
    else { throw failure("did not find row \(place) by its own vector") }
  }

  /// float32 sums of `dim` products err by at most dim · 2⁻²⁴ of the product of the norms.
  private var bound: Double {
    let norm = target.collection.maxNorm
    return Double(rows.dim) * 0x1p-24 * norm * norm + Double(Float.leastNonzeroMagnitude)
  }

  private func vector(at row: Int) -> [Float] { rows.values(ofRows: row..<row + 1) }

  private func product(_ a: [Float], _ b: [Float]) -> Double {
    zip(a, b).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
  }

  private func failure(_ what: String) -> VectorIndexError {
    VectorIndexError(
      .backendFailed,
      "a search of \(target.name) in \(target.connection.place) \(what); nothing was published, try again")
  }
}
