// SPDX-License-Identifier: Apache-2.0

import CKernels

/// What becomes of the scores of a causal attention before they are weights, beside the order of positions.
///
///     score = cap · tanh(scale · query · key / cap), of the last `window` keys up to the query's own
package struct AttentionScoring: Sendable, Equatable {
  /// 1 / sqrt(E) when nil.
  package let scale: Float?
  /// Scores stay within it; nil leaves them as they are (Gemma Team 2024, section 2).
  package let softCap: Float?
  /// Keys that a query sees, its own included; nil for all (Beltagy et al. 2020, section 3.1).
  package let window: Int?

  /// The scores of Vaswani et al. 2017.
  package static let plain = AttentionScoring()

  /// - Precondition: a cap and a window are positive.
  package init(scale: Float? = nil, softCap: Float? = nil, window: Int? = nil) {
    precondition(softCap.map { $0 > 0 } ?? true && window.map { (1...1 << 30).contains($0) } ?? true)
    self.scale = scale
    self.softCap = softCap
    self.window = window
  }

  func scale(headWidth: Int) -> Float { scale ?? 1 / Float(headWidth).squareRoot() }

  var limits: illmrec_attention_limits { illmrec_attention_limits(window: window ?? 0, soft_cap: softCap ?? 0) }
}
