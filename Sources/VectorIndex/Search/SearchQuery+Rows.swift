// SPDX-License-Identifier: Apache-2.0

import Kernels

extension SearchQuery {
  /// The query in rows of a version, or why that version cannot answer it.
  func inRows(of version: IndexVersion) -> Result<RowQuery, VectorIndexError> {
    Result { () throws(VectorIndexError) in
      try check(against: version)
      return resolved(in: version)
    }
  }

  private func resolved(in version: IndexVersion) -> RowQuery {
    var excluded = version.items.rows(of: excludedItems)
    if !excludedCategories.isEmpty {
      let rows = version.categories.rows(inAnyOf: excludedCategories, itemCount: version.info.itemCount)
      excluded = excluded.isEmpty ? rows : Self.union(excluded, rows, itemCount: version.info.itemCount)
    }
    var included: [UInt32]?
    if !includedItems.isEmpty { included = version.items.rows(of: includedItems) }
    if !includedCategories.isEmpty {
      let rows = version.categories.rows(inAnyOf: includedCategories, itemCount: version.info.itemCount)
      // What is in both: take from the one what taking the other away leaves.
      included = included.map { Self.difference($0, Self.difference($0, rows)) } ?? rows
    }
    return RowQuery(
      vector: vector, k: k, excludedRows: excluded, includedRows: included.map { Self.difference($0, excluded) },
      method: method)
  }

  func check(against version: IndexVersion) throws(VectorIndexError) {
    guard vector.count == version.info.dim else {
      throw VectorIndexError(
        .dimensionMismatch,
        "the query vector has \(vector.count) elements, the vectors of \(version.info.name) have \(version.info.dim); "
          + "send a vector from the model that built it", at: "vector")
    }
    guard k >= 1 else { throw VectorIndexError(.invalidK, "k is \(k); ask for at least 1 item", at: "k") }
    let (bad, squaredNorm) = vector.withUnsafeBufferPointer {
      (VectorCheck.firstNonFinite($0), VectorCheck.squaredNorm($0))
    }
    if let bad {
      throw VectorIndexError(
        .notFinite, "element \(bad) of the query vector is \(vector[bad]); every element must be finite",
        at: "vector")
    }
    guard ScoreRange.holdsScores(queryNorm: squaredNorm.squareRoot(), itemNorm: version.maxNorm) else {
      throw VectorIndexError(
        .scoreOverflow,
        "scores could leave float32's range: the query's norm is \(squaredNorm.squareRoot()), "
          + "the longest item vector's \(version.maxNorm); scale the vectors down", at: "vector")
    }
  }

  private static func union(_ a: [UInt32], _ b: [UInt32], itemCount: Int) -> [UInt32] {
    var mask = RowMask(a, count: itemCount)
    mask.insert(b)
    return mask.rows
  }

  /// The elements of `rows` that are not in `removed`; all three ascending, each element once.
  private static func difference(_ rows: [UInt32], _ removed: [UInt32]) -> [UInt32] {
    var at = 0
    return rows.filter { row in
      while at < removed.count && removed[at] < row { at += 1 }
      return at == removed.count || removed[at] != row
    }
  }
}
