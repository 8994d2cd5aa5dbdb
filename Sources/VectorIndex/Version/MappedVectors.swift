// SPDX-License-Identifier: Apache-2.0

import Basics
import Kernels
import Synchronization

/// The vectors of a version whose files hold them: mapped, and searched by the threads of this process.
final class MappedVectors: VersionVectors {
  let count: Int
  let dim: Int
  /// For approximate search; nil when every vector is looked at.
  let graph: HNSWGraph?
  private let file: MappedFile
  private let madeCodes = Mutex<RowCodes?>(nil)

  /// - Parameters:
  ///   - file: [count, dim], row-major.
  ///   - graph: over the very vectors in `file`.
  init(file: consuming MappedFile, count: Int, dim: Int, graph: consuming HNSWGraph? = nil) {
    self.count = count
    self.dim = dim
    self.graph = graph
    self.file = file
  }

  /// [count, dim], row-major. Valid as long as this is.
  var values: UnsafeBufferPointer<Float> { file.bytes.assumingMemoryBound(to: Float.self) }

  func vector(ofRow row: Int) -> UnsafeBufferPointer<Float> {
    UnsafeBufferPointer(rebasing: values[row * dim..<(row + 1) * dim])
  }

  /// What searches read before the vectors: a quarter of their size in memory, and made with every CPU in about as long as
  /// the vectors take to be read once. Made for whoever asks first, since most versions on disk are never searched again.
  ///
  /// Nil when memory is exhausted: searches are then slower, not different.
  func codes() -> RowCodes? {
    madeCodes.withLock { made in
      if made == nil, let rows = values.baseAddress {
        made = RowCodes(rows: rows, rowCount: count, dim: dim, team: ComputeTeam())
      }
      return made
    }
  }

  /// Refuses values that are not finite and vectors that are longer than `maxNorm`.
  ///
  /// - Parameter values: [rows, dim].
  static func check(
    _ values: UnsafeBufferPointer<Float>, dim: Int, maxNorm: Double, path: String
  ) throws(VectorIndexError) {
    if let bad = VectorCheck.firstNonFinite(values) {
      throw VectorIndexError(.corrupt, "\(path): element \(bad % dim) of row \(bad / dim) is not finite")
    }
    let slack = 1 + 1e-9  // the squares may be summed in another order where the manifest was written
    for row in 0..<values.count / dim {
      let vector = UnsafeBufferPointer(rebasing: values[row * dim..<(row + 1) * dim])
      let norm = VectorCheck.squaredNorm(vector).squareRoot()
      guard norm <= maxNorm * slack else {
        throw VectorIndexError(
          .corrupt, "\(path): row \(row) has norm \(norm), the manifest promises \(maxNorm) at most")
      }
    }
  }

  // MARK: VersionVectors

  func search(
    _ queries: [RowQuery], on team: ComputeTeam, ef: Int, isCancelled: () -> Bool
  ) throws(VectorIndexError) -> [Result<RowAnswer, VectorIndexError>] {
    let byGraph = try ApproximateSearcher(team: team, defaultEf: ef).search(queries, in: self, isCancelled: isCancelled)
    let left = queries.indices.filter { byGraph[$0] == nil }
    var found = try ExactSearcher(team: team)
      .search(left.map { queries[$0] }, in: self, isCancelled: isCancelled).makeIterator()
    return queries.indices.map { place in
      let hits = byGraph[place] ?? found.next() ?? []
      return .success(
        RowAnswer(hits: hits.map { RowHit(row: $0.row, score: $0.score) }, isApproximate: byGraph[place] != nil))
    }
  }

  func read(rows: [Int]) throws(VectorIndexError) -> [[Float]] { rows.map { Array(vector(ofRow: $0)) } }

  /// Opening the version has compared every file.
  func verify(_ version: VersionInfo) throws(VectorIndexError) -> UInt64 {
    UInt64(file.bytes.count) + (version.graph?.bytes ?? 0)
  }

  func prepareSearch() { _ = codes() }
  func releaseSearch() { madeCodes.withLock { $0 = nil } }
  var isPreparedForSearch: Bool { madeCodes.withLock { $0 != nil } }
  var remote: RemoteVectors? { nil }
}

#if _endian(big)
  #error("version files are little-endian and mapped as they are")
#endif
