// SPDX-License-Identifier: Apache-2.0

import CKernels

extension ComputeTeam {
  /// Root-mean-square normalisation of each row.
  ///
  ///     out[t, c] = x[t, c] / sqrt(mean(x[t, :]²) + epsilon) · weight[c]
  ///
  /// - Parameters:
  ///   - x: [T, D].
  ///   - weight: [D].
  ///   - epsilon: inside the root, from the checkpoint's configuration.
  ///   - out: [T, D], overwritten.
  /// - Complexity: O(T · D), allocates nothing.
  /// - Source: Zhang & Sennrich 2019, eq. 4.
  package func rmsNorm(
    _ x: borrowing Activations, weight: WeightTensor, epsilon: Float, instructionSet: InstructionSet? = nil,
    into out: inout Activations
  ) {
    precondition(weight.count == x.width && out.width == x.width && out.rows == x.rows)
    illmrec_rms_norm(
      handle, InstructionSet.constant(of: instructionSet), x.base, x.rows, x.width, weight.base, epsilon, out.base)
  }

  /// Root-mean-square normalisation of each row's heads, in place: as many elements at a time as `weight` has, from the row's
  /// start on.
  ///
  /// - Parameters:
  ///   - x: [T, heads · E].
  ///   - weight: [E], of every head; or one of all of them, [heads · E].
  /// - Source: Henry et al. 2020 (query and key normalisation).
  package func rmsNormHeads(_ x: inout Activations, weight: WeightTensor, epsilon: Float) {
    precondition(weight.count > 0 && x.width % weight.count == 0)
    illmrec_rms_norm(
      handle, ILLMREC_ISA_BEST, x.base, x.rows * (x.width / weight.count), weight.count, weight.base, epsilon, x.base)
  }

  /// Root-mean-square normalisation of each row in place; see `rmsNorm(_:weight:epsilon:instructionSet:into:)`.
  package func rmsNorm(_ x: inout Activations, weight: WeightTensor, epsilon: Float) {
    precondition(weight.count == x.width)
    rmsNormHeads(&x, weight: weight, epsilon: epsilon)
  }

  /// Layer normalisation of each row.
  ///
  ///     out[t, c] = (x[t, c] - mean(x[t, :])) / sqrt(var(x[t, :]) + epsilon) · weight[c] + bias[c]
  ///
  /// with the population variance.
  ///
  /// - Parameters:
  ///   - x: [T, D].
  ///   - weight: [D].
  ///   - bias: [D].
  ///   - epsilon: inside the root.
  ///   - out: [T, D], overwritten.
  /// - Complexity: O(T · D), allocates nothing.
  /// - Source: Ba et al. 2016, eq. 4.
  package func layerNorm(
    _ x: borrowing Activations, weight: WeightTensor, bias: WeightTensor, epsilon: Float,
    instructionSet: InstructionSet? = nil, into out: inout Activations
  ) {
    precondition(weight.count == x.width && bias.count == x.width && out.width == x.width && out.rows == x.rows)
    illmrec_layer_norm(
      handle, InstructionSet.constant(of: instructionSet), x.base, x.rows, x.width, weight.base, bias.base, epsilon,
      out.base)
  }

  /// Layer normalisation in place; see `layerNorm(_:weight:bias:epsilon:into:)`.
  package func layerNorm(_ x: inout Activations, weight: WeightTensor, bias: WeightTensor, epsilon: Float) {
    precondition(weight.count == x.width && bias.count == x.width)
    illmrec_layer_norm(handle, ILLMREC_ISA_BEST, x.base, x.rows, x.width, weight.base, bias.base, epsilon, x.base)
  }
}
