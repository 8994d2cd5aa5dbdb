// SPDX-License-Identifier: Apache-2.0

import Kernels

extension Matrix {
  /// Runs `compute` over the rows, some at a time, so that intermediate values stay small; checks them first.
  ///
  /// - Parameters:
  ///   - what: what the rows are, for messages.
  ///   - columns: what `compute` takes.
  ///   - resultColumns: what `compute` gives.
  func mapRows(
    _ what: String, columns expected: Int, resultColumns: Int, _ compute: (borrowing Activations) -> Activations
  ) throws(ModelError) -> Matrix {
    guard columns == expected else {
      throw ModelError(.invalidInput, "\(what)s have \(columns) elements; this checkpoint's have \(expected)")
    }
    if let index = values.firstIndex(where: { !$0.isFinite }) {
      throw ModelError(.notFinite, "\(what) \(index / columns) is NaN or infinite at element \(index % columns)")
    }
    var result: [Float] = []
    result.reserveCapacity(rows * resultColumns)
    for start in stride(from: 0, to: rows, by: Self.rowsAtOnce) {
      let count = min(Self.rowsAtOnce, rows - start)
      let block = Array(values[start * columns..<(start + count) * columns])
      result += compute(Activations(rows: count, width: columns, values: block)).values
    }
    return Matrix(rows: rows, columns: resultColumns, values: result)
  }

  private static var rowsAtOnce: Int { 1024 }
}
