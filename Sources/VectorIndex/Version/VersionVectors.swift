// SPDX-License-Identifier: Apache-2.0

import Kernels

/// The vectors of one version: mapped from its files, or in a backend. Who searches or reads a version asks them, and nobody
/// asks where they are but who must not hold a thread (`IndexVersion.remote`).
protocol VersionVectors: Sendable {
  /// Each query's answer, in the queries' order. Blocks its thread.
  ///
  /// - Parameters:
  ///   - team: computes, where anything is computed here.
  ///   - ef: candidates that an approximate search keeps, where the query does not say.
  ///   - isCancelled: asked every few milliseconds; once true, the search ends with `cancelled`.
  func search(
    _ queries: [RowQuery], on team: ComputeTeam, ef: Int, isCancelled: () -> Bool
  ) throws(VectorIndexError) -> [Result<RowAnswer, VectorIndexError>]

  /// The vectors at `rows`, in their order. Blocks its thread.
  func read(rows: [Int]) throws(VectorIndexError) -> [[Float]]

  /// Reads what has not been read since the version was opened and compares it with the manifest's digests. Blocks its thread.
  ///
  /// - Returns: the bytes of the vectors and of what searches them.
  func verify(_ version: VersionInfo) throws(VectorIndexError) -> UInt64

  /// Does now what the first search would otherwise wait for.
  func prepareSearch()
  /// Gives back the memory of what was made for searches; one that runs keeps it to its end, and the next makes it anew.
  func releaseSearch()
  /// Whether memory is held for searches.
  var isPreparedForSearch: Bool { get }

  /// These vectors, where a backend holds them.
  var remote: RemoteVectors? { get }
}
