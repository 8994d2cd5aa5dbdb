// SPDX-License-Identifier: Apache-2.0

/// A dense matrix of 32-bit floats.
package struct Matrix: Sendable, Equatable {
  package let rows: Int
  package let columns: Int
  /// Row-major, `rows * columns` elements.
  package private(set) var values: [Float]

  /// - Precondition: `values.count == rows * columns`.
  package init(rows: Int, columns: Int, values: [Float]) {
    precondition(values.count == rows * columns, "\(values.count) values for a \(rows) x \(columns) matrix")
    self.rows = rows
    self.columns = columns
    self.values = values
  }

  /// All zero.
  package init(rows: Int, columns: Int) {
    self.init(rows: rows, columns: columns, values: [Float](repeating: 0, count: rows * columns))
  }

  /// One row per element of `vectors`; throws when their lengths differ from `columns`.
  package init(vectors: [[Float]], columns: Int) throws(ModelError) {
    var values: [Float] = []
    values.reserveCapacity(vectors.count * columns)
    for (index, vector) in vectors.enumerated() {
      guard vector.count == columns else {
        throw ModelError(
          .invalidInput, "vector \(index) has \(vector.count) elements; this checkpoint's have \(columns)")
      }
      values += vector
    }
    self.init(rows: vectors.count, columns: columns, values: values)
  }

  /// Overwrites the elements of a row from a column on, in place.
  package mutating func replace(row: Int, from column: Int = 0, with elements: some Collection<Float>) {
    precondition(row >= 0 && row < rows, "row \(row) of \(rows)")
    precondition(column >= 0 && column + elements.count <= columns, "a row keeps its \(columns) elements")
    let start = row * columns + column
    values.replaceSubrange(start..<start + elements.count, with: elements)
  }

  /// Its rows.
  package var vectors: [[Float]] { (0..<rows).map { Array(self[row: $0]) } }

  package subscript(row row: Int) -> ArraySlice<Float> { values[row * columns..<(row + 1) * columns] }
}
