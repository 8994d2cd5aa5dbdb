package import Kernels

extension IndexVersion {
  /// Each query's best items, highest score first and equal scores by item id in byte order; a query that cannot be
  /// answered has its error instead.
  ///
  /// Blocks its thread for the length of the search, and uses the team's threads. A query's answer does not depend on the
  /// others in the batch.
  ///
  /// - Parameter isCancelled: asked every few milliseconds; once true, the search ends with `cancelled`.
  package func search(
    _ queries: [SearchQuery], team: ComputeTeam, isCancelled: () -> Bool = { false }
  ) throws(VectorIndexError) -> [Result<[ScoredItem], VectorIndexError>] {
    let resolved = queries.map { query in Result { () throws(VectorIndexError) in try resolve(query) } }
    var sound: [RowQuery] = []
    for case .success(let query) in resolved { sound.append(query) }
    var found = try ExactSearcher(team: team).search(sound, in: data, isCancelled: isCancelled).makeIterator()
    return resolved.map { query in
      query.map { _ in
        (found.next() ?? []).map { ScoredItem(itemID: data.items.id(ofRow: Int($0.row)), score: $0.score) }
      }
    }
  }

  private func resolve(_ query: SearchQuery) throws(VectorIndexError) -> RowQuery {
    try check(query)
    let excluded = data.items.rows(of: query.excludedItems)
    var included: [UInt32]?
    if !query.includedItems.isEmpty {
      included = Self.difference(data.items.rows(of: query.includedItems), excluded)
    }
    return RowQuery(vector: query.vector, k: query.k, excludedRows: excluded, includedRows: included)
  }

  private func check(_ query: SearchQuery) throws(VectorIndexError) {
    guard query.vector.count == info.dim else {
      throw VectorIndexError(
        .dimensionMismatch,
        "the query vector has \(query.vector.count) elements, the vectors of \(info.name) have \(info.dim); "
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
    guard squaredNorm.squareRoot() * maxNorm <= Double(Float.greatestFiniteMagnitude) / 2 else {
      throw VectorIndexError(
        .scoreOverflow,
        "scores could leave float32's range: the query's norm is \(squaredNorm.squareRoot()), "
          + "the longest item vector's \(maxNorm); scale the vectors down")
    }
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
