// SPDX-License-Identifier: Apache-2.0

import Basics

/// A version whose vectors a backend holds, for who waits for the backend's answers without holding a thread.
package struct RemoteVersion: Sendable {
  let version: IndexVersion
  let remoteVectors: RemoteVectors

  /// As `Searcher.search`.
  ///
  /// - Parameter deadline: after it nobody wants the answer any more.
  package func search(
    _ queries: [SearchQuery], deadline: ContinuousClock.Instant? = nil
  ) async throws(VectorIndexError) -> [Result<[ScoredItem], VectorIndexError>] {
    let rows = queries.map { $0.inRows(of: version) }
    let found = try await rows.flatMapSuccesses { (queries) async throws(VectorIndexError) in
      try await remoteVectors.hits(of: queries, deadline: deadline)
    }
    return found.map { $0.map { hits in hits.map(version.scored) } }
  }

  /// The stored vectors of items, nil for those the version does not hold.
  package func vectors(
    of itemIDs: [String], deadline: ContinuousClock.Instant? = nil
  ) async throws(VectorIndexError) -> [[Float]?] {
    let rows = version.items.rows(of: itemIDs)
    let found = try await remoteVectors.reader.vectors(ofRows: rows, deadline: deadline)
    let byRow = Dictionary(uniqueKeysWithValues: zip(rows, found))
    return itemIDs.map { id in version.items.row(of: id).flatMap { byRow[UInt32($0)] } }
  }
}

extension RemoteVersion: Hashable {
  package static func == (a: Self, b: Self) -> Bool { a.version === b.version }

  package func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(version)) }
}

extension IndexVersion {
  /// This version, where a backend holds its vectors: who can wait for it without holding a thread does so through this.
  package var remote: RemoteVersion? { vectors.remote.map { RemoteVersion(version: self, remoteVectors: $0) } }
}
