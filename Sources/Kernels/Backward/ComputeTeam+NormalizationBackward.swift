// SPDX-License-Identifier: Apache-2.0

import CKernels

extension ComputeTeam {
  /// The gradient of `rmsNorm(_:weight:epsilon:instructionSet:into:)` by its input, added to `dx`: a branch that joins the
  /// gradient of its residual.
  ///
  ///     dx[t, c] += r (weight[c] dy[t, c] - x[t, c] r² mean(weight · dy[t, :] · x[t, :]))    r = 1 / sqrt(mean(x[t, :]²) + epsilon)
  ///
  /// - Parameters:
  ///   - dy: [T, D].
  ///   - x: [T, D], what the norm read.
  ///   - weight: [D], frozen.
  ///   - dx: [T, D].
  /// - Complexity: O(T · D), allocates nothing.
  package func rmsNormBackward(
    _ dy: borrowing Activations, of x: borrowing Activations, weight: WeightTensor, epsilon: Float,
    addingTo dx: inout Activations
  ) {
    precondition(weight.count == x.width && dy.width == x.width && dx.width == x.width)
    precondition(dy.rows == x.rows && dx.rows == x.rows)
    _ = illmrec_rms_norm_backward(
      handle, x.base, x.rows, x.width, weight.base, epsilon, dy.base, 1, dx.base, nil)
  }

  /// Replaces `dy` by the gradient by the input of `rmsNormHeads(_:weight:epsilon:)`.
  ///
  /// - Parameters:
  ///   - dy: [T, heads · E].
  ///   - x: [T, heads · E], what the norm read.
  ///   - weight: [E], or of all heads together; frozen.
  package func rmsNormHeadsBackward(
    _ dy: inout Activations, of x: borrowing Activations, weight: WeightTensor, epsilon: Float
  ) {
    precondition(weight.count > 0 && x.width % weight.count == 0 && dy.width == x.width && dy.rows == x.rows)
    _ = illmrec_rms_norm_backward(
      handle, x.base, x.rows * (x.width / weight.count), weight.count, weight.base, epsilon, dy.base, 0, dy.base, nil)
  }

  /// Replaces `dy` by the gradient by the input of a root-mean-square norm whose weight is trained, and adds the weight's.
  ///
  ///     dweight[c] += sum over t of dy[t, c] x[t, c] r[t]
  ///
  /// - Parameters:
  ///   - dy: [T, D].
  ///   - x: [T, D], what the norm read.
  ///   - weight: D elements; its gradient is added to.
  package func rmsNormBackward(
    _ dy: inout Activations, of x: borrowing Activations, weight: TrainedTensor, epsilon: Float
  ) {
    precondition(weight.count == x.width && dy.width == x.width && dy.rows == x.rows)
    let status = illmrec_rms_norm_backward(
      handle, x.base, x.rows, x.width, weight.values, epsilon, dy.base, 0, dy.base, weight.gradient)
    guard status == 0 else { fatalError("no memory for the moments of \(x.rows) rows") }
  }

  /// Layer normalisation with trained weights; see `layerNorm(_:weight:bias:epsilon:instructionSet:into:)`.
  package func layerNorm(
    _ x: borrowing Activations, weight: TrainedTensor, bias: TrainedTensor, epsilon: Float, into out: inout Activations
  ) {
    precondition(weight.count == x.width && bias.count == x.width && out.width == x.width && out.rows == x.rows)
    illmrec_layer_norm(
      handle, ILLMREC_ISA_BEST, x.base, x.rows, x.width, weight.values, bias.values, epsilon, out.base)
  }

  /// Replaces `dy` by the gradient by the input of a layer norm, and adds the gradients by its weights. With
  /// n = (x - mean) r, r = 1 / sqrt(var(x[t, :]) + epsilon) and g = weight · dy[t, :]:
  ///
  ///     dx[t, c] = r (g[c] - mean(g) - n[c] mean(g · n))
  ///     dweight[c] += sum over t of dy[t, c] n[t, c]        dbias[c] += sum over t of dy[t, c]
  ///
  /// - Parameters:
  ///   - dy: [T, D].
  ///   - x: [T, D], what the norm read.
  ///   - weight: D elements; its gradient is added to.
  ///   - bias: D elements; its gradient is added to.
  /// - Complexity: O(T · D).
  package func layerNormBackward(
    _ dy: inout Activations, of x: borrowing Activations, weight: TrainedTensor, bias: TrainedTensor, epsilon: Float
  ) {
    precondition(weight.count == x.width && bias.count == x.width && dy.width == x.width && dy.rows == x.rows)
    let status = illmrec_layer_norm_backward(
      handle, x.base, x.rows, x.width, weight.values, epsilon, dy.base, dy.base, weight.gradient, bias.gradient)
    guard status == 0 else { fatalError("no memory for the moments of \(x.rows) rows") }
  }
}
