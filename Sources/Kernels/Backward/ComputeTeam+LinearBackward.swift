// SPDX-License-Identifier: Apache-2.0

import CKernels

extension ComputeTeam {
  /// The gradient of `linear(_:_:bias:into:)` by its input, through a frozen weight.
  ///
  ///     dx[t, i] = sum over o of dy[t, o] · weight[o, i]
  ///
  /// - Parameters:
  ///   - dy: [T, O].
  ///   - weight: [O, I], in 32-bit floats or bfloat16. The transpose of a packed matrix is made panel by panel on the way, so
  ///     that no second copy of the weights is kept.
  ///   - adding: whether the former values of `dx` are added.
  ///   - dx: [T, I].
  /// - Complexity: O(T · O · I).
  package func linearBackward(
    _ dy: borrowing Activations, through weight: LinearWeight, adding: Bool = false, into dx: inout Activations
  ) {
    precondition(weight.outputs == dy.width && weight.inputs == dx.width && dx.rows == dy.rows)
    switch weight.storage {
    case .rows(let tensor):
      illmrec_linear_backward_input(
        handle, dy.base, dy.rows, dy.width, dy.width, tensor.base, dx.width, adding ? 1 : 0, dx.base, dx.width)
    case .packed(let matrix, let path):
      precondition(matrix.precision == .bfloat16, "gradients do not go through \(matrix.precision)")
      let status = illmrec_packed_linear_backward_input(
        handle, path.constant, dy.base, dy.rows, dy.width, dy.width, matrix.base, dx.width, adding ? 1 : 0, dx.base,
        dx.width)
      guard status == 0 else { fatalError("no memory for \(dy.rows) rows of \(dy.width) in another form") }
    }
  }

  /// A linear layer whose weights are trained; see `linear(_:rows:_:bias:into:)`.
  ///
  /// - Parameters:
  ///   - x: [T, I].
  ///   - weight: O · I elements.
  ///   - bias: O elements, or none.
  ///   - adding: whether the former values of `y` are added.
  ///   - y: [T, O].
  package func linear(
    _ x: borrowing Activations, _ weight: TrainedTensor, bias: TrainedTensor? = nil, adding: Bool = false,
    into y: inout Activations
  ) {
    precondition(weight.count == y.width * x.width && bias?.count ?? y.width == y.width && y.rows == x.rows)
    let status = illmrec_linear(
      handle, ILLMREC_ISA_BEST, x.base, x.rows, x.width, x.width, weight.values, y.width, bias?.values,
      adding ? 1 : 0, y.base, y.width)
    guard status == 0 else { fatalError("no memory for \(x.rows) rows of \(x.width) in another form") }
  }

  /// Adds the gradient by a trained linear layer's weights.
  ///
  ///     dweight[o, i] += sum over t of dy[t, o] · x[t, i]        dbias[o] += sum over t of dy[t, o]
  ///
  /// - Parameters:
  ///   - dy: [T, O].
  ///   - x: [T, I], what the layer read.
  ///   - weight: O · I elements; its gradient is added to.
  ///   - bias: O elements, whose gradient is added to, or none.
  /// - Complexity: O(T · O · I).
  package func addLinearGradient(
    _ dy: borrowing Activations, of x: borrowing Activations, to weight: TrainedTensor, bias: TrainedTensor? = nil
  ) {
    precondition(weight.count == dy.width * x.width && bias?.count ?? dy.width == dy.width && dy.rows == x.rows)
    illmrec_linear_backward_weight(
      handle, dy.base, dy.rows, dy.width, dy.width, x.base, x.width, x.width, weight.gradient, bias?.gradient)
  }

  /// The gradient by a trained linear layer's input; see `linearBackward(_:through:adding:into:)`.
  package func linearBackward(
    _ dy: borrowing Activations, through weight: TrainedTensor, adding: Bool = false, into dx: inout Activations
  ) {
    precondition(weight.count == dy.width * dx.width && dx.rows == dy.rows)
    illmrec_linear_backward_input(
      handle, dy.base, dy.rows, dy.width, dy.width, weight.values, dx.width, adding ? 1 : 0, dx.base, dx.width)
  }
}
