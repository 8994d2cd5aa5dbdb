// SPDX-License-Identifier: Apache-2.0

import Kernels

extension Matrix {
  /// Runs `compute` over the rows, some at a time, so that intermediate values stay small; checks them and what comes of them.
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
    try checkFinite(what)
    var result: [Float] = []
    result.reserveCapacity(rows * resultColumns)
    for start in stride(from: 0, to: rows, by: Self.rowsAtOnce) {
      let count = min(Self.rowsAtOnce, rows - start)
      let block = Array(values[start * columns..<(start + count) * columns])
      result += compute(Activations(rows: count, width: columns, values: block)).values
    }
    let results = Matrix(rows: rows, columns: resultColumns, values: result)
    try results.checkFinite("what the checkpoint makes of \(what)")
    return results
  }

  /// Throws what names the first row that holds a NaN or an infinity.
  func checkFinite(_ what: String) throws(ModelError) {
    guard let index = values.firstIndex(where: { !$0.isFinite }) else { return }
    throw ModelError(.notFinite, "\(what) \(index / columns) is NaN or infinite at element \(index % columns)")
  }

  private static var rowsAtOnce: Int { 1024 }
}
