// SPDX-License-Identifier: Apache-2.0

import Kernels

/// Queries in rows of one version: those that can be answered, and the errors of the others in their places.
struct ResolvedQueries {
  private let all: [Result<RowQuery, VectorIndexError>]
  /// Those that can be answered, in the queries' order.
  let sound: [RowQuery]

  init(_ queries: [SearchQuery], in version: IndexVersion) {
    all = queries.map { query in Result { () throws(VectorIndexError) in try Self.resolve(query, in: version) } }
    sound = all.compactMap { try? $0.get() }
  }

  /// Each query's answer, or why it has none.
  ///
  /// - Parameter found: one for each sound query, in their order.
  func answers<Answer>(_ found: [Result<Answer, VectorIndexError>]) -> [Result<Answer, VectorIndexError>] {
    var found = found.makeIterator()
    return all.map { query in
      switch query {
      case .success: found.next() ?? .failure(Self.unanswered)
      case .failure(let error): .failure(error)
      }
    }
  }

  private static var unanswered: VectorIndexError {
    VectorIndexError(.backendFailed, "the backend answered fewer queries than it was asked; look into its log")
  }

  private static func resolve(
    _ query: SearchQuery, in version: IndexVersion
  ) throws(VectorIndexError) -> RowQuery {
    try check(query, against: version)
    let (items, categories) = (query.excludedItems, query.excludedCategories)
    var excluded = version.items.rows(of: items)
    if !categories.isEmpty {
      let rows = version.categories.rows(inAnyOf: categories, itemCount: version.info.itemCount)
      excluded = excluded.isEmpty ? rows : union(excluded, rows, itemCount: version.info.itemCount)
    }
    var included: [UInt32]?
    if !query.includedItems.isEmpty { included = version.items.rows(of: query.includedItems) }
    if !query.includedCategories.isEmpty {
      let rows = version.categories.rows(inAnyOf: query.includedCategories, itemCount: version.info.itemCount)
      // What is in both: take from the one what taking the other away leaves.
      included = included.map { difference($0, difference($0, rows)) } ?? rows
    }
    included = included.map { difference($0, excluded) }
    return RowQuery(
      vector: query.vector, k: query.k, excludedRows: excluded, includedRows: included,
      method: query.method)
  }

  private static func check(_ query: SearchQuery, against version: IndexVersion) throws(VectorIndexError) {
    guard query.vector.count == version.info.dim else {
      throw VectorIndexError(
        .dimensionMismatch,
        "the query vector has \(query.vector.count) elements, the vectors of \(version.info.name) have \(version.info.dim); "
          + "send a vector from the model that built it")
    }
    guard query.k >= 1 else { throw VectorIndexError(.invalidK, "k is \(query.k); ask for at least 1 item") }
    let (bad, squaredNorm) = query.vector.withUnsafeBufferPointer {
      (VectorCheck.firstNonFinite($0), VectorCheck.squaredNorm($0))
    }
    if let bad {
      throw VectorIndexError(
        .notFinite, "element \(bad) of the query vector is \(query.vector[bad]); every element must be finite")
    }
    // |q| · |x| bounds every partial sum of a score; half of float32's range leaves room for rounding.
    guard squaredNorm.squareRoot() * version.maxNorm <= Double(Float.greatestFiniteMagnitude) / 2 else {
      throw VectorIndexError(
        .scoreOverflow,
        "scores could leave float32's range: the query's norm is \(squaredNorm.squareRoot()), "
          + "the longest item vector's \(version.maxNorm); scale the vectors down")
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
