// SPDX-License-Identifier: Apache-2.0

import CKernels

/// Rows rounded to 8 bits: what an `InnerProductScan` reads instead of the rows, to score only those in float32 that may be
/// among the best. Its hits stay the same to the last bit; `Sources/CKernels/include/illmrec_search.h` has the proof.
package final class RowCodes: Sendable {
  // Never changes once made.
  nonisolated(unsafe) let handle: OpaquePointer
  let rowCount: Int
  let dim: Int

  /// Rounds rows; nil when memory is exhausted. The rows are not kept.
  ///
  /// - Parameters:
  ///   - rows: [rowCount, dim] row-major, finite, at least one row.
  ///   - team: whose threads round.
  package init?(rows: UnsafePointer<Float>, rowCount: Int, dim: Int, team: ComputeTeam) {
    precondition(rowCount > 0 && rowCount < UInt32.max && dim > 0)
    guard let handle = illmrec_codes_create(rows, UInt32(rowCount), UInt32(dim), team.handle) else { return nil }
    self.handle = handle
    self.rowCount = rowCount
    self.dim = dim
  }

  deinit { illmrec_codes_destroy(handle) }

  /// Memory that the codes take: about `dim + 8` bytes a row.
  package var byteCount: Int { illmrec_codes_bytes(handle) }

  /// What a scan knows of each row's score before it is computed: it lies within these, ends included.
  ///
  /// - Parameter query: [dim], finite.
  package func bounds(of query: [Float], instructionSet: InstructionSet? = nil) -> [ClosedRange<Double>] {
    precondition(query.count == dim)
    var lower = [Double](repeating: -.infinity, count: rowCount)
    var upper = [Double](repeating: .infinity, count: rowCount)
    illmrec_codes_bounds(handle, query, InstructionSet.constant(of: instructionSet), &lower, &upper)
    return zip(lower, upper).map { $0...$1 }
  }
}
