// Searching and reading a version whose vectors a backend holds.

extension IndexVersion {
  /// As `Searcher.search`, where a backend holds the vectors; waits for its answer without holding a thread.
  ///
  /// - Parameter deadline: after it nobody wants the answer any more.
  package func searchBackend(
    _ queries: [SearchQuery], deadline: ContinuousClock.Instant? = nil
  ) async throws(VectorIndexError) -> [Result<[ScoredItem], VectorIndexError>] {
    guard let reader else { preconditionFailure("the vectors of \(info.name) are mapped") }
    let resolved = queries.map { query in
      Result { () throws(VectorIndexError) in try Searcher.resolve(query, in: self) }
    }
    var sound: [CollectionQuery] = []
    for case .success(let query) in resolved { sound.append(CollectionQuery(query)) }
    if sound.isEmpty { return resolved.map { $0.map { _ in [] } } }
    var found = try await reader.search(sound, deadline: deadline).makeIterator()
    return resolved.map { query in
      query.flatMap { _ in (found.next() ?? .success([])).map { hits in hits.map(scored) } }
    }
  }

  /// The stored vectors of items, nil for those the version does not hold.
  package func vectors(
    of itemIDs: [String], deadline: ContinuousClock.Instant? = nil
  ) async throws(VectorIndexError) -> [[Float]?] {
    guard let reader else { return itemIDs.map { vector(of: $0) } }
    let rows = data.items.rows(of: itemIDs)
    let vectors = try await reader.vectors(ofRows: rows, deadline: deadline)
    let byRow = Dictionary(uniqueKeysWithValues: zip(rows, vectors))
    return itemIDs.map { id in data.items.row(of: id).flatMap { byRow[UInt32($0)] } }
  }

  /// The vectors at `rows`, wherever they are. Blocks its thread.
  func vectors(atRows rows: [Int]) throws(VectorIndexError) -> [[Float]] {
    guard let reader else { return rows.map { Array(data.vector(ofRow: $0)) } }
    return try waitForTask { () async throws(VectorIndexError) in
      try await reader.vectors(ofRows: rows.map(UInt32.init), deadline: nil)
    }
  }

  private func scored(_ hit: RowHit) -> ScoredItem {
    ScoredItem(itemID: data.items.id(ofRow: Int(hit.row)), score: hit.score)
  }
}

extension CollectionQuery {
  fileprivate init(_ query: RowQuery) {
    self.init(
      vector: query.vector, k: query.k, excludedRows: query.excludedRows, includedRows: query.includedRows)
  }
}
