// SPDX-License-Identifier: Apache-2.0

import CKernels

extension ComputeTeam {
  /// Rows of a trained table.
  ///
  ///     out[r, :] = factor · table[indices[r], :]
  ///
  /// - Parameters:
  ///   - table: [_, D].
  ///   - adding: whether the former values of `out` are added.
  ///   - out: [indices, D].
  package func lookUp(
    _ indices: [Int32], in table: TrainedTensor, factor: Float = 1, adding: Bool = false, into out: inout Activations
  ) {
    precondition(indices.count == out.rows)
    check(indices, table, width: out.width)
    illmrec_gather_rows(
      handle, table.values, indices, indices.count, out.width, factor, adding ? 1 : 0, out.base)
  }

  /// What each row makes of an item of its own.
  ///
  ///     scores[r] = x[r, :] · table[indices[r], :]
  ///
  /// - Parameters:
  ///   - x: [indices, D].
  ///   - table: [_, D].
  package func rowScores(_ x: borrowing Activations, of indices: [Int32], in table: TrainedTensor) -> [Float] {
    precondition(indices.count == x.rows)
    return scores(x.base, stride: x.width, width: x.width, of: indices, in: table)
  }

  /// What one row of `x` makes of many items: `scores[i] = x[row, :] · table[indices[i], :]`.
  package func scores(
    ofRow row: Int, of x: borrowing Activations, with indices: [Int32], in table: TrainedTensor
  ) -> [Float] {
    precondition(row >= 0 && row < x.rows)
    return scores(x.base + row * x.width, stride: 0, width: x.width, of: indices, in: table)
  }

  private func scores(
    _ x: UnsafePointer<Float>, stride: Int, width: Int, of indices: [Int32], in table: TrainedTensor
  ) -> [Float] {
    check(indices, table, width: width)
    return [Float](unsafeUninitializedCapacity: indices.count) { scores, count in
      illmrec_row_scores(handle, x, stride, table.values, indices, indices.count, width, scores.baseAddress)
      count = indices.count
    }
  }

  /// The gradients of `rowScores(_:of:in:)`.
  ///
  ///     dx[r, :] += dscores[r] · table[indices[r], :]        dtable[indices[r], :] += dscores[r] · x[r, :]
  ///
  /// - Parameters:
  ///   - x: [indices, D].
  ///   - table: [_, D]; its gradient is added to, in the order of the rows.
  ///   - dx: [indices, D], added to.
  package func rowScoresBackward(
    _ dscores: [Float], of x: borrowing Activations, _ indices: [Int32], in table: TrainedTensor,
    addingTo dx: inout Activations
  ) {
    precondition(dscores.count == x.rows && indices.count == x.rows && dx.rows == x.rows && dx.width == x.width)
    check(indices, table, width: x.width)
    illmrec_row_scores_backward(
      handle, dscores, x.base, table.values, indices, indices.count, x.width, dx.base, table.gradient)
  }

  /// Sets each element to 0 with `probability`, in [0, 1), and divides the others by its complement. Seed and place decide
  /// which: done to a gradient with the same seed, it is its own gradient.
  ///
  /// - Source: Srivastava et al. 2014.
  package func dropOut(_ x: inout Activations, probability: Float, seed: UInt64) {
    precondition(probability >= 0 && probability < 1)
    illmrec_dropout(handle, x.base, x.rows * x.width, probability, seed)
  }

  /// `x = factor · x`.
  package func scale(_ x: inout Activations, by factor: Float) { illmrec_scale(x.base, x.rows * x.width, factor) }

  /// `x = x + y`, for matrices of one shape.
  package func add(_ y: borrowing Activations, to x: inout Activations) {
    precondition(y.rows == x.rows && y.width == x.width)
    illmrec_add_rows(handle, x.base, x.rows, x.width, y.base, x.rows)
  }

  private func check(_ indices: [Int32], _ table: TrainedTensor, width: Int) {
    let rows = table.count / width
    precondition(table.count == rows * width && indices.allSatisfy { $0 >= 0 && Int($0) < rows })
  }
}

extension Activations {
  /// The same values in memory of their own.
  package borrowing func copied() -> Activations {
    let copy = Activations(rows: rows, width: width)
    copy.base.update(from: base, count: rows * width)
    return copy
  }
}
