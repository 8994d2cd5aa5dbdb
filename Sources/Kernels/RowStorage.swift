// SPDX-License-Identifier: Apache-2.0

import CKernels

/// Rows of values kept beside the flow of activations, as 32-bit floats or rounded to bfloat16: a block of a key/value
/// cache.
///
/// Its memory is shared by everybody who holds it and is not locked: whoever hands it around sees to it that nobody writes
/// rows that another thread reads.
package final class RowStorage: Sendable {
  /// How elements are kept.
  package enum Element: String, Sendable, CaseIterable {
    case float32
    /// The upper half of a float: half the memory, and a relative error of at most 2^-8 in every element.
    case bfloat16

    package var byteCount: Int { self == .float32 ? 4 : 2 }
  }

  package let rows: Int
  package let width: Int
  package let element: Element
  package var byteCount: Int { rows * width * element.byteCount }
  // Freed by `deinit` alone; writers and readers are kept apart as the type's comment says.
  nonisolated(unsafe) private let base: UnsafeMutableRawPointer

  /// Memory for `rows` rows. It is uninitialised until it is written.
  package init(rows: Int, width: Int, element: Element) {
    precondition(rows > 0 && width > 0)
    self.rows = rows
    self.width = width
    self.element = element
    base = .allocate(byteCount: rows * width * element.byteCount, alignment: 64)
  }

  deinit { base.deallocate() }

  fileprivate func address(ofRow row: Int, count: Int) -> UnsafeMutableRawPointer {
    precondition(row >= 0 && count >= 0 && row + count <= rows, "rows \(row)..<\(row + count) of \(rows)")
    return base + row * width * element.byteCount
  }
}

/// Rows that go from a matrix to a store, or back.
package struct RowTransfer: Sendable {
  package let storage: RowStorage
  package let storageRow: Int
  package let matrixRow: Int
  package let count: Int

  package init(storage: RowStorage, storageRow: Int, matrixRow: Int, count: Int) {
    self.storage = storage
    self.storageRow = storageRow
    self.matrixRow = matrixRow
    self.count = count
  }
}

extension ComputeTeam {
  /// Copies rows of `matrix` into stores, rounding where a store keeps bfloat16.
  ///
  /// - Precondition: stores as wide as the matrix; no row of a store is written twice.
  package func store(_ transfers: [RowTransfer], from matrix: borrowing Activations) {
    let runs = transfers.map { transfer in
      illmrec_row_run(
        from: matrix.address(ofRow: transfer.matrixRow, count: transfer.count, width: transfer.storage.width),
        to: transfer.storage.address(ofRow: transfer.storageRow, count: transfer.count), rows: transfer.count,
        from_stride: matrix.width, to_stride: matrix.width,
        conversion: transfer.storage.element == .float32 ? ILLMREC_FLOAT_TO_FLOAT : ILLMREC_FLOAT_TO_BF16)
    }
    illmrec_copy_rows(handle, runs, runs.count, matrix.width)
  }

  /// Copies rows of stores into `matrix`.
  ///
  /// - Precondition: stores as wide as the matrix; no row of the matrix is written twice.
  package func load(_ transfers: [RowTransfer], into matrix: inout Activations) {
    let runs = transfers.map { transfer in
      illmrec_row_run(
        from: transfer.storage.address(ofRow: transfer.storageRow, count: transfer.count),
        to: matrix.address(ofRow: transfer.matrixRow, count: transfer.count, width: transfer.storage.width),
        rows: transfer.count, from_stride: matrix.width, to_stride: matrix.width,
        conversion: transfer.storage.element == .float32 ? ILLMREC_FLOAT_TO_FLOAT : ILLMREC_BF16_TO_FLOAT)
    }
    illmrec_copy_rows(handle, runs, runs.count, matrix.width)
  }

  /// Copies runs of rows of one matrix into another of the same width.
  ///
  /// - Parameter runs: first row in `source`, first row in `matrix`, and how many; no row of `matrix` is written twice.
  package func copyRows(
    _ runs: [(source: Int, target: Int, count: Int)], of source: borrowing Activations, into matrix: inout Activations
  ) {
    let width = matrix.width
    let runs = runs.map { run in
      illmrec_row_run(
        from: source.address(ofRow: run.source, count: run.count, width: width),
        to: matrix.address(ofRow: run.target, count: run.count, width: width), rows: run.count, from_stride: width,
        to_stride: width, conversion: ILLMREC_FLOAT_TO_FLOAT)
    }
    illmrec_copy_rows(handle, runs, runs.count, width)
  }
}

extension ComputeTeam {
  /// Rounds every value to what a store of `element` would give back.
  ///
  /// - Returns: the index of the first value that is then NaN or infinite, row-major, or nil.
  package func round(_ x: inout Activations, to element: RowStorage.Element) -> Int? {
    let count = x.rows * x.width
    let index =
      switch element {
      case .float32: illmrec_first_not_finite(handle, x.base, count)
      case .bfloat16: illmrec_round_to_bf16(handle, x.base, count)
      }
    return index == count ? nil : index
  }
}

extension Activations {
  fileprivate func address(ofRow row: Int, count: Int, width: Int) -> UnsafeMutablePointer<Float> {
    precondition(width == self.width, "rows of \(width) for a matrix of \(self.width)")
    precondition(row >= 0 && count >= 0 && row + count <= rows, "rows \(row)..<\(row + count) of \(rows)")
    return base + row * width
  }
}
