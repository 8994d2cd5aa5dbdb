// SPDX-License-Identifier: Apache-2.0

/// A query in rows of one version.
package struct RowQuery: Sendable {
  package var vector: [Float]
  package var k: Int
  /// Ascending, each once.
  package var excludedRows: [UInt32]
  /// Rows that may be returned, the excluded ones already taken out: ascending, each once. Nil: all but the excluded.
  package var includedRows: [UInt32]?
  /// How vectors that are mapped are searched; a backend has an index of its own.
  package var method: SearchMethod

  package init(
    vector: [Float], k: Int, excludedRows: [UInt32] = [], includedRows: [UInt32]? = nil,
    method: SearchMethod = .versionDefault
  ) {
    self.vector = vector
    self.k = k
    self.excludedRows = excludedRows
    self.includedRows = includedRows
    self.method = method
  }
}

/// A row and its inner product with the query.
package struct RowHit: Sendable, Equatable {
  package let row: UInt32
  package let score: Float

  package init(row: UInt32, score: Float) {
    self.row = row
    self.score = score
  }
}

/// A query's answer in rows of one version.
struct RowAnswer: Sendable {
  /// Highest score first, equal scores by row.
  let hits: [RowHit]
  /// Whether a graph found them.
  var isApproximate = false
}
