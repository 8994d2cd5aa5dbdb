import Kernels

/// Searches versions, on threads of its own.
package final class Searcher: Sendable {
  /// Candidates that an approximate search keeps, where the query does not say.
  package static let defaultEf = 128

  private let team: ComputeTeam
  private let ef: Int

  /// Threads that work on a search, the one that asks included.
  package var threads: Int { team.threads }

  /// - Parameters:
  ///   - threads: by default one for each CPU that this process may use.
  ///   - ef: candidates that an approximate search keeps, where the query does not say.
  package init(threads: Int? = nil, ef: Int = Searcher.defaultEf) {
    self.ef = ef
    team = ComputeTeam(threads: threads ?? ComputeTeam.availableCPUs)
  }

  /// Each query's best items, highest score first and equal scores by item id in byte order; a query that cannot be
  /// answered has its error instead.
  ///
  /// Blocks its thread for the length of the search; searches of several threads run one after the other. A query's answer
  /// does not depend on the others in the batch.
  ///
  /// Where a backend holds the version's vectors, the thread waits for the backend's answer.
  ///
  /// - Parameter isCancelled: asked every few milliseconds; once true, the search ends with `cancelled`.
  package func search(
    _ queries: [SearchQuery], in version: IndexVersion, isCancelled: () -> Bool = { false }
  ) throws(VectorIndexError) -> [Result<[ScoredItem], VectorIndexError>] {
    try answers(to: queries, in: version, isCancelled: isCancelled).map { $0.map(\.items) }
  }

  /// As `search`, with what each answer rests on.
  package func answers(
    to queries: [SearchQuery], in version: IndexVersion, isCancelled: () -> Bool = { false }
  ) throws(VectorIndexError) -> [Result<SearchAnswer, VectorIndexError>] {
    if version.reader != nil {
      return try waitForTask(isCancelled: isCancelled) { () async throws(VectorIndexError) in
        try await version.searchBackend(queries)
      }
      .map { $0.map { SearchAnswer(items: $0) } }
    }
    let resolved = queries.map { query in Result { () throws(VectorIndexError) in try Self.resolve(query, in: version) }
    }
    var sound: [RowQuery] = []
    for case .success(let query) in resolved { sound.append(query) }
    let byGraph = try ApproximateSearcher(team: team, defaultEf: ef)
      .search(sound, in: version, isCancelled: isCancelled)
    let left = sound.indices.filter { byGraph[$0] == nil }
    var found = try ExactSearcher(team: team)
      .search(left.map { sound[$0] }, in: version.data, isCancelled: isCancelled).makeIterator()
    var place = 0
    return resolved.map { query in
      query.map { _ in
        defer { place += 1 }
        let hits = byGraph[place] ?? found.next() ?? []
        let items = hits.map { ScoredItem(itemID: version.data.items.id(ofRow: Int($0.row)), score: $0.score) }
        return SearchAnswer(items: items, isApproximate: byGraph[place] != nil)
      }
    }
  }

  static func resolve(
    _ query: SearchQuery, in version: IndexVersion
  ) throws(VectorIndexError) -> RowQuery {
    try check(query, against: version)
    let (items, categories) = (query.excludedItems, query.excludedCategories)
    var excluded = version.data.items.rows(of: items)
    if !categories.isEmpty {
      let rows = version.data.categories.rows(inAnyOf: categories, itemCount: version.info.itemCount)
      excluded = excluded.isEmpty ? rows : union(excluded, rows, itemCount: version.info.itemCount)
    }
    var included: [UInt32]?
    if !query.includedItems.isEmpty { included = version.data.items.rows(of: query.includedItems) }
    if !query.includedCategories.isEmpty {
      let rows = version.data.categories.rows(inAnyOf: query.includedCategories, itemCount: version.info.itemCount)
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
