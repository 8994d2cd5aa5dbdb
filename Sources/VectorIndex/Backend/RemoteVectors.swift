// SPDX-License-Identifier: Apache-2.0

import Digest
import Kernels

/// The vectors of a version that a backend holds, in one collection.
struct RemoteVectors: VersionVectors {
  /// Vectors that are read at once; at most 64 MiB with the longest.
  private static let rowsPerRead = 256

  let collection: VectorCollection
  let reader: any CollectionReader

  func search(
    _ queries: [RowQuery], on team: ComputeTeam, ef: Int, isCancelled: () -> Bool
  ) throws(VectorIndexError) -> [Result<RowAnswer, VectorIndexError>] {
    let found = try waitForTask(isCancelled: isCancelled) { () async throws(VectorIndexError) in
      try await hits(of: queries, deadline: nil)
    }
    return found.map { $0.map { RowAnswer(hits: $0) } }
  }

  /// Each query's hits, in the queries' order. A backend that answers for others than it was asked has none of its answers
  /// believed: nobody could tell whose they are.
  func hits(
    of queries: [RowQuery], deadline: ContinuousClock.Instant?
  ) async throws(VectorIndexError) -> [Result<[RowHit], VectorIndexError>] {
    let found = try await reader.search(queries, deadline: deadline)
    guard found.count == queries.count else {
      throw VectorIndexError(
        .backendFailed,
        "the backend answered \(found.count) queries when it was asked \(queries.count); look into its log")
    }
    return found
  }

  func read(rows: [Int]) throws(VectorIndexError) -> [[Float]] {
    try waitForTask { () async throws(VectorIndexError) in
      try await reader.vectors(ofRows: rows.map(UInt32.init), deadline: nil)
    }
  }

  /// Whether all rows are there and can be searched, by count. Blocks its thread.
  func check() throws(VectorIndexError) {
    try waitForTask { () async throws(VectorIndexError) in try await reader.check() }
  }

  /// Reads every vector back and compares their digest with the manifest's.
  func verify(_ version: VersionInfo) throws(VectorIndexError) -> UInt64 {
    try check()
    var digest = SHA256()
    for first in stride(from: 0, to: collection.itemCount, by: Self.rowsPerRead) {
      let rows = first..<min(first + Self.rowsPerRead, collection.itemCount)
      for vector in try read(rows: Array(rows)) {
        vector.withUnsafeBytes { digest.update($0) }
      }
    }
    guard digest.finishHex() == collection.sha256 else {
      throw VectorIndexError(
        .corrupt,
        "the vectors in collection \(collection.name) are not those of \(version.name): their SHA-256 is not the manifest's. "
          + "Roll back to another version, or publish this one again")
    }
    return UInt64(collection.itemCount) * UInt64(collection.dim) * 4
  }

  // The backend prepares and releases by itself.
  func prepareSearch() {}
  func releaseSearch() {}
  var isPreparedForSearch: Bool { false }
  var remote: RemoteVectors? { self }
}
