// SPDX-License-Identifier: Apache-2.0

package import Models

extension Matrix {
  /// Each item's features of two kinds one after the other, the second scaled so that its numbers have the first's mean square.
  ///
  /// A NaN stands for an item without a feature, and has no part in the mean.
  ///
  /// - Precondition: as many rows in both.
  package func beside(_ other: Matrix) -> Matrix {
    precondition(rows == other.rows, "\(rows) rows beside \(other.rows)")
    let square = other.meanSquare
    let scale = Float(square > 0 ? (meanSquare / square).squareRoot() : 1)
    var features = Matrix(rows: rows, columns: columns + other.columns)
    for row in 0..<rows {
      features.replace(row: row, with: self[row: row] + other[row: row].map { scale * $0 })
    }
    return features
  }

  private var meanSquare: Double {
    let known = values.lazy.filter { !$0.isNaN }
    return known.reduce(0) { $0 + Double($1) * Double($1) } / Double(max(known.count, 1))
  }
}
