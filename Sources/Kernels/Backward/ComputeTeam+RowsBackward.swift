// SPDX-License-Identifier: Apache-2.0

import CKernels

extension Activations {
  /// Overwrites one row with row `index` of a trained table whose rows are as wide.
  package mutating func setRow(_ row: Int, toRow index: Int, of table: TrainedTensor) {
    precondition(row >= 0 && row < rows && index >= 0 && (index + 1) * width <= table.count)
    (base + row * width).update(from: table.values + index * width, count: width)
  }
}

extension ComputeTeam {
  /// Adds rows to others of the same width: the gradient of looking rows up. Rows that are named several times get the sum,
  /// in the order of `dy`.
  ///
  ///     out[indices[r], :] += dy[r, :]
  package func scatterAdd(_ dy: borrowing Activations, toRows indices: [Int32], of out: inout Activations) {
    precondition(dy.width == out.width)
    scatter(dy, indices, rows: out.rows, into: out.base)
  }

  /// Adds rows to those of a trained table's gradient; see `scatterAdd(_:toRows:of:)`.
  package func scatterAdd(_ dy: borrowing Activations, toRows indices: [Int32], ofGradient table: TrainedTensor) {
    scatter(dy, indices, rows: table.count / dy.width, into: table.gradient)
  }

  private func scatter(
    _ dy: borrowing Activations, _ indices: [Int32], rows: Int, into out: UnsafeMutablePointer<Float>
  ) {
    precondition(indices.count == dy.rows && indices.allSatisfy { $0 >= 0 && Int($0) < rows })
    illmrec_scatter_add_rows(handle, dy.base, indices, indices.count, dy.width, out)
  }
}
