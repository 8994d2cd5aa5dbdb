// SPDX-License-Identifier: Apache-2.0

import CKernels

/// Exact top-k by inner product: scores a batch of queries against rows and keeps each query's best.
///
///     score[q, n] = Σ_c query[q, c] · row[n, c]
///
/// The sum's order is fixed (sixteen lanes by fused multiply-add, folded in halves; `Sources/CKernels/search_kernel.h`), so a
/// query's scores do not depend on the batch, the threads, the instruction set or whether there are codes. Hits come highest score first, equal
/// scores by row.
///
/// A scan may run in pieces, so that its caller can stop between them; the pieces' order does not matter.
package struct InnerProductScan: ~Copyable {
  /// One query.
  package struct Query: Sendable {
    /// [dim], finite.
    package var vector: [Float]
    /// Hits to keep, at least 1.
    package var k: Int
    /// Rows that must not be returned: ascending, without repeats.
    package var excludedRows: [UInt32]
    /// Row r in bit r % 64 of word r / 64: only rows whose bit is set may be returned. Nil: all but the excluded.
    package var eligibleRows: [UInt64]?

    package init(vector: [Float], k: Int, excludedRows: [UInt32] = [], eligibleRows: [UInt64]? = nil) {
      self.vector = vector
      self.k = k
      self.excludedRows = excludedRows
      self.eligibleRows = eligibleRows
    }
  }

  /// A row and its score.
  package struct Hit: Sendable, Equatable {
    package var row: UInt32
    package var score: Float

    package init(row: UInt32, score: Float) {
      self.row = row
      self.score = score
    }
  }

  private let handle: OpaquePointer
  private let excluded: UnsafeMutablePointer<UInt32>
  private let eligible: UnsafeMutablePointer<UInt64>
  private let team: ComputeTeam
  private let codes: RowCodes?
  private let keptHits: [Int]

  /// Begins a scan; nil when memory is exhausted.
  ///
  /// - Parameters:
  ///   - rows: [rowCount, dim] row-major, finite; kept alive by the caller until the scan's end.
  ///   - codes: of the same rows; with them no query's norm times a row's may be above half of float32's largest number.
  ///   - queries: vectors of `dim` each.
  ///   - team: whose threads score.
  ///   - instructionSet: the machine's best when nil.
  package init?(
    rows: UnsafePointer<Float>, rowCount: Int, dim: Int, codes: RowCodes? = nil, queries: [Query], team: ComputeTeam,
    instructionSet: InstructionSet? = nil
  ) {
    precondition(dim > 0 && rowCount >= 0 && rowCount < UInt32.max)
    precondition(codes.map { $0.rowCount == rowCount && $0.dim == dim } ?? true, "codes of other rows")
    precondition(queries.allSatisfy { $0.vector.count == dim && $0.k >= 1 })
    let words = (rowCount + 63) / 64
    precondition(queries.allSatisfy { $0.eligibleRows.map { $0.count == words } ?? true }, "a mask of other rows")
    let excluded = Self.gather(queries.map(\.excludedRows))
    let eligible = Self.gather(queries.map { $0.eligibleRows ?? [] })
    let handle = Self.withVectors(queries, dim: dim) { vectors in
      var excludedAt = UnsafePointer(excluded)
      var eligibleAt = UnsafePointer(eligible)
      let described = queries.enumerated().map { index, query in
        defer {
          excludedAt += query.excludedRows.count
          if query.eligibleRows != nil { eligibleAt += words }
        }
        return illmrec_query(
          vector: vectors + index * dim, excluded: excludedAt, excluded_count: query.excludedRows.count,
          eligible: query.eligibleRows == nil ? nil : eligibleAt, k: UInt32(clamping: query.k))
      }
      return illmrec_scan_create(
        rows, UInt32(rowCount), UInt32(dim), codes?.handle, described, UInt32(queries.count), team.handle,
        InstructionSet.constant(of: instructionSet))
    }
    guard let handle else {
      excluded.deallocate()
      eligible.deallocate()
      return nil
    }
    self.handle = handle
    self.excluded = excluded
    self.eligible = eligible
    self.team = team
    self.codes = codes
    keptHits = queries.map { min($0.k, rowCount) }
  }

  deinit {
    illmrec_scan_destroy(handle)
    excluded.deallocate()
    eligible.deallocate()
  }

  /// Scores every query against `rows`.
  package mutating func scan(rows: Range<Int>) {
    illmrec_scan_range(handle, UInt32(clamping: rows.lowerBound), UInt32(clamping: rows.upperBound))
  }

  /// Scores the query at `index` against the listed rows, each listed once.
  package mutating func scan(listedRows: [UInt32], query index: Int) {
    illmrec_scan_list(handle, UInt32(index), listedRows, listedRows.count)
  }

  /// Each query's best hits, in the queries' order.
  package consuming func finish() -> [[Hit]] { takeHits() }

  /// Each query's best hits, and how many rows their bounds alone could not rule out.
  package consuming func finishCounting() -> (hits: [[Hit]], scoredRows: UInt64) {
    let hits = takeHits()
    return (hits, illmrec_scan_scored_rows(handle))
  }

  private func takeHits() -> [[Hit]] {
    keptHits.indices.map { index in
      let kept = keptHits[index]
      let hits = [illmrec_hit](unsafeUninitializedCapacity: kept) { buffer, count in
        guard let base = buffer.baseAddress, kept > 0 else { return }
        count = Int(illmrec_scan_finish(handle, UInt32(index), base))
      }
      return hits.map { Hit(row: $0.row, score: $0.score) }
    }
  }

  /// All lists, one after the other, in memory that lives as long as the scan.
  private static func gather<Element: BitwiseCopyable>(_ lists: [[Element]]) -> UnsafeMutablePointer<Element> {
    let gathered = UnsafeMutablePointer<Element>.allocate(capacity: max(lists.reduce(0) { $0 + $1.count }, 1))
    var at = gathered
    for list in lists {
      list.withUnsafeBufferPointer { elements in
        if let base = elements.baseAddress { at.initialize(from: base, count: elements.count) }
      }
      at += list.count
    }
    return gathered
  }

  /// Calls `body` with the queries' vectors, one after the other.
  private static func withVectors<Result>(
    _ queries: [Query], dim: Int, _ body: (UnsafePointer<Float>) -> Result
  ) -> Result {
    var vectors: [Float] = []
    vectors.reserveCapacity(queries.count * dim)
    for query in queries { vectors += query.vector }
    return vectors.withUnsafeBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return withUnsafePointer(to: Float(0), body) }
      return body(base)
    }
  }
}
