// SPDX-License-Identifier: Apache-2.0

import CKernels

extension ComputeTeam {
  /// A linear layer over rows.
  ///
  ///     y[t, o] = sum over i of x[t, i] · weight[o, i] + bias[o]
  ///
  /// - Parameters:
  ///   - x: [T, I].
  ///   - rows: the rows of `x` to use, all by default.
  ///   - weight: [O, I]. What it is stored in decides how its products are rounded; see `Precision`.
  ///   - bias: [O].
  ///   - instructionSet: for a weight in 32-bit floats, the machine's best when nil; a packed one names its path itself.
  ///   - y: [rows, O], overwritten from its first row.
  /// - Complexity: O(T · I · O). A row's result is the same to the last bit whatever rows are computed with it, and on any
  ///   number of threads.
  package func linear(
    _ x: borrowing Activations, rows: Range<Int>? = nil, _ weight: LinearWeight, bias: WeightTensor? = nil,
    instructionSet: InstructionSet? = nil, into y: inout Activations
  ) {
    multiply(x, rows: rows ?? 0..<x.rows, weight, bias: bias, adding: false, instructionSet, to: &y, at: 0)
  }

  /// A linear layer whose result is added to `y`, starting at row `firstRow`: a branch that joins its residual.
  ///
  ///     y[t, o] += sum over i of x[t, i] · weight[o, i] + bias[o]
  ///
  /// - Complexity: O(T · I · O). A row's result depends on nothing but its own rows of `x` and `y`.
  package func linear(
    _ x: borrowing Activations, rows: Range<Int>? = nil, _ weight: LinearWeight, bias: WeightTensor? = nil,
    instructionSet: InstructionSet? = nil, addingTo y: inout Activations, atRow firstRow: Int = 0
  ) {
    multiply(x, rows: rows ?? 0..<x.rows, weight, bias: bias, adding: true, instructionSet, to: &y, at: firstRow)
  }

  private func multiply(
    _ x: borrowing Activations, rows: Range<Int>, _ weight: LinearWeight, bias: WeightTensor?, adding: Bool,
    _ instructionSet: InstructionSet?, to y: inout Activations, at firstRow: Int
  ) {
    precondition(weight.inputs == x.width && weight.outputs == y.width)
    precondition(bias.map { $0.count == y.width } ?? true)
    precondition(rows.lowerBound >= 0 && rows.upperBound <= x.rows)
    precondition(firstRow >= 0 && firstRow + rows.count <= y.rows)
    let input = x.base + rows.lowerBound * x.width
    let output = y.base + firstRow * y.width
    let status: Int32
    switch weight.storage {
    case .rows(let tensor):
      status = illmrec_linear(
        handle, InstructionSet.constant(of: instructionSet), input, rows.count, x.width, x.width, tensor.base, y.width,
        bias?.base, adding ? 1 : 0, output, y.width)
    case .packed(let matrix, let path):
      guard let format = matrix.precision.packedFormat else { preconditionFailure("a packed matrix has a format") }
      status = illmrec_packed_linear(
        handle, format, path.constant, input, rows.count, x.width, x.width, matrix.base, y.width, bias?.base,
        adding ? 1 : 0, output, y.width)
    }
    guard status == 0 else { fatalError("no memory for \(rows.count) rows of \(x.width) in another form") }
  }
}
