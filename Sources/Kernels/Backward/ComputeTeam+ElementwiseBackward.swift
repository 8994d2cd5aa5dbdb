// SPDX-License-Identifier: Apache-2.0

import CKernels

extension ComputeTeam {
  /// The gradients of `siluMultiply(_:by:)`: replaces what it read by the gradients by it.
  ///
  ///     dx = dy · gate · s (1 + x (1 - s))        dgate = dy · x · s        s = 1 / (1 + exp(-x))
  ///
  /// - Parameters:
  ///   - x: [T, F], before the product; becomes dx.
  ///   - gate: [T, F]; becomes dgate.
  ///   - dy: [T, F].
  package func siluMultiplyBackward(
    _ x: inout Activations, by gate: inout Activations, _ dy: borrowing Activations,
    instructionSet: InstructionSet? = nil
  ) {
    precondition(gate.rows == x.rows && gate.width == x.width && dy.rows == x.rows && dy.width == x.width)
    illmrec_silu_multiply_backward(
      handle, InstructionSet.constant(of: instructionSet), x.base, gate.base, dy.base, x.rows * x.width)
  }

  /// The gradients of `geluTanhMultiply(_:by:)`, as in `siluMultiplyBackward(_:by:_:instructionSet:)`.
  package func geluTanhMultiplyBackward(
    _ x: inout Activations, by gate: inout Activations, _ dy: borrowing Activations,
    instructionSet: InstructionSet? = nil
  ) {
    precondition(gate.rows == x.rows && gate.width == x.width && dy.rows == x.rows && dy.width == x.width)
    illmrec_gelu_tanh_multiply_backward(
      handle, InstructionSet.constant(of: instructionSet), x.base, gate.base, dy.base, x.rows * x.width)
  }

  /// Replaces `dy` by `dy · (1 - (y / cap)²)`, the gradient of `softCap(_:at:)`, which gave `y`.
  package func softCapBackward(_ dy: inout Activations, from y: borrowing Activations, at cap: Float) {
    precondition(dy.rows == y.rows && dy.width == y.width && cap > 0)
    illmrec_soft_cap_backward(handle, y.base, cap, dy.base, y.rows * y.width)
  }

  /// Replaces `dy` by `dy · (Φ(x) + x φ(x))`, the gradient of `gelu(_:)` at `x`.
  package func geluBackward(_ dy: inout Activations, of x: borrowing Activations) {
    precondition(dy.rows == x.rows && dy.width == x.width)
    illmrec_gelu_backward(handle, x.base, dy.base, x.rows * x.width)
  }

  /// Replaces `dy` by zero wherever `y`, what `relu(_:)` gave, is zero.
  package func reluBackward(_ dy: inout Activations, from y: borrowing Activations) {
    precondition(dy.rows == y.rows && dy.width == y.width)
    illmrec_relu_backward(handle, y.base, dy.base, y.rows * y.width)
  }

  /// The gradient of `rotate(_:heads:positions:table:instructionSet:)`: the rotation by the opposite angles, in place.
  package func rotateBackward(
    _ dx: inout Activations, positions: [Int32], table: RotaryTable, instructionSet: InstructionSet? = nil
  ) {
    precondition(positions.count == dx.rows && dx.width % table.headWidth == 0)
    precondition(positions.allSatisfy { $0 >= 0 && Int($0) < table.positions })
    let heads = table.rotatedHeads(of: dx.width / table.headWidth, stride: dx.width, positions)
    illmrec_rope_backward(
      handle, InstructionSet.constant(of: instructionSet), dx.base, heads.positions.count, heads.stride, heads.count,
      table.rotatedWidth, heads.positions, table.cosine.base, table.sine.base)
  }
}
