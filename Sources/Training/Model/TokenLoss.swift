// SPDX-License-Identifier: Apache-2.0

import Kernels

/// Cross entropy of the tokens that a frozen LLM's states predict, through its head.
struct TokenLoss {
  let head: LinearWeight  // [V, d]
  /// Tokens that the head has no row for. Their logits count as 0, the mean of what the published code gives them.
  var headlessTokens = 0
  /// Of the family's logits; nil for none.
  let logitSoftCap: Float?

  /// - Parameters:
  ///   - states: [R, d].
  ///   - targets: of each row, the token that comes.
  ///   - scale: of the gradients; with 0, none are computed, and `dstates` is left alone.
  ///   - dstates: `scale` times the sum of the losses' gradient by the states [R, d], overwritten.
  /// - Returns: the losses in nats, [R].
  func losses(
    _ states: borrowing Activations, targets: [Int32], scale: Float, dstates: inout Activations, on team: ComputeTeam
  ) -> [Float] {
    var logits = Activations(rows: states.rows, width: head.outputs)
    team.linear(states, head, into: &logits)
    var capped = Activations(rows: logitSoftCap == nil ? 0 : logits.rows, width: logits.width)
    if let logitSoftCap {
      team.softCap(&logits, at: logitSoftCap)
      team.copyRows([(source: 0, target: 0, count: logits.rows)], of: logits, into: &capped)
    }
    let losses = team.crossEntropy(&logits, zeros: headlessTokens, targets: targets, scale: scale)
    guard scale != 0 else { return losses }
    if let logitSoftCap { team.softCapBackward(&logits, from: capped, at: logitSoftCap) }
    team.linearBackward(logits, through: head, into: &dstates)
    return losses
  }
}
