// SPDX-License-Identifier: Apache-2.0

import CKernels

extension ComputeTeam {
  /// `x = x · sigmoid(x) · gate`, element by element: the gate of a SwiGLU feed-forward (Shazeer 2020, eq. 5).
  package func siluMultiply(
    _ x: inout Activations, by gate: borrowing Activations, instructionSet: InstructionSet? = nil
  ) {
    precondition(gate.rows == x.rows && gate.width == x.width)
    illmrec_silu_multiply(handle, InstructionSet.constant(of: instructionSet), x.base, gate.base, x.rows * x.width)
  }

  /// `x = geluTanh(x) · gate`, element by element: the gate of a GEGLU feed-forward (Shazeer 2020, eq. 5).
  package func geluTanhMultiply(
    _ x: inout Activations, by gate: borrowing Activations, instructionSet: InstructionSet? = nil
  ) {
    precondition(gate.rows == x.rows && gate.width == x.width)
    illmrec_gelu_tanh_multiply(
      handle, InstructionSet.constant(of: instructionSet), x.base, gate.base, x.rows * x.width)
  }

  /// `x = cap · tanh(x / cap)`.
  package func softCap(_ x: inout Activations, at cap: Float) {
    precondition(cap > 0)
    illmrec_soft_cap(handle, x.base, cap, x.rows * x.width)
  }

  /// `x = x · Φ(x)`, with the exact normal distribution function (Hendrycks & Gimpel 2016).
  package func gelu(_ x: inout Activations) { illmrec_gelu(handle, x.base, x.rows * x.width) }

  /// `x = 0.5 x (1 + tanh(sqrt(2 / π) (x + 0.044715 x³)))`, the approximation that SigLIP was trained with.
  package func geluTanh(_ x: inout Activations, instructionSet: InstructionSet? = nil) {
    illmrec_gelu_tanh(handle, InstructionSet.constant(of: instructionSet), x.base, x.rows * x.width)
  }

  /// `x = x · sigmoid(1.702 x)`, the approximation that CLIP was trained with.
  package func quickGELU(_ x: inout Activations, instructionSet: InstructionSet? = nil) {
    illmrec_quick_gelu(handle, InstructionSet.constant(of: instructionSet), x.base, x.rows * x.width)
  }

  /// `y[r, c] += scale[c] · x[r, c]`: a branch that is scaled channel by channel joins its residual.
  package func add(_ x: borrowing Activations, scaledBy scale: WeightTensor, to y: inout Activations) {
    precondition(x.rows == y.rows && x.width == y.width && scale.count == x.width)
    illmrec_add_scaled_columns(handle, y.base, y.rows, y.width, x.base, scale.base)
  }

  /// `x = max(x, 0)`.
  package func relu(_ x: inout Activations) { illmrec_relu(handle, x.base, x.rows * x.width) }

  /// `x[r, :] += table[r mod n, :]` for a `table` of n rows [n, D]: a position embedding, image by image.
  package func addRows(_ x: inout Activations, _ table: WeightTensor) {
    precondition(table.count % x.width == 0 && table.count > 0)
    illmrec_add_rows(handle, x.base, x.rows, x.width, table.base, table.count / x.width)
  }

  /// `x[r, :] += table[rows[r], :]`: position embeddings, token by token.
  ///
  /// - Parameters:
  ///   - table: [_, D].
  ///   - rows: of the table, one for each row of `x`.
  package func addRows(_ x: inout Activations, _ table: WeightTensor, rows: [Int]) {
    precondition(rows.count == x.rows && table.shape.count == 2 && table.shape[1] == x.width)
    for (row, index) in rows.enumerated() {
      precondition(index >= 0 && index < table.shape[0], "row \(index) of \(table.shape[0])")
      illmrec_add_rows(nil, x.base + row * x.width, 1, x.width, table.base + index * x.width, 1)
    }
  }

  /// Index of the first NaN or infinity of `x`, row-major, or nil.
  package func firstNotFinite(_ x: borrowing Activations) -> Int? {
    let index = illmrec_first_not_finite(handle, x.base, x.rows * x.width)
    return index == x.rows * x.width ? nil : index
  }
}
