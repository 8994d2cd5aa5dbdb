// SPDX-License-Identifier: Apache-2.0

import CKernels

extension ComputeTeam {
  /// Means of runs of rows: `out[i, :] = mean(x[runs[i], :])`.
  ///
  /// - Parameters:
  ///   - x: [T, D].
  ///   - runs: rows of `x`, none of them empty.
  /// - Returns: [runs, D].
  package func means(of x: borrowing Activations, _ runs: [Range<Int>]) -> Activations {
    var out = Activations(rows: runs.count, width: x.width)
    out.clear()
    for (row, run) in runs.enumerated() {
      precondition(!run.isEmpty && run.lowerBound >= 0 && run.upperBound <= x.rows)
      let sum = out.base + row * x.width
      for index in run { illmrec_add_rows(nil, sum, 1, x.width, x.base + index * x.width, 1) }
      illmrec_scale(sum, x.width, 1 / Float(run.count))
    }
    return out
  }

  /// Makes every row one of length 1: `x[t, :] /= max(|x[t, :]|, 1e-12)`.
  package func divideByLength(_ x: inout Activations) {
    for row in 0..<x.rows {
      let values = UnsafeMutableBufferPointer(start: x.base + row * x.width, count: x.width)
      let squares = values.reduce(0.0) { $0 + Double($1) * Double($1) }
      illmrec_scale(x.base + row * x.width, x.width, Float(1 / max(squares.squareRoot(), 1e-12)))
    }
  }
}
