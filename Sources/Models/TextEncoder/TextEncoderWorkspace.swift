// SPDX-License-Identifier: Apache-2.0

import Kernels

/// Intermediate values of the encoder, kept from batch to batch: fresh memory costs a page fault for every 4 KiB.
struct TextEncoderWorkspace: ~Copyable, Sendable {
  var hidden: Activations  // [T, D]
  var queryKeyValue: Activations  // [T, 3 · D]
  var attended: Activations  // [T, D]
  var inner: Activations  // [feed-forward rows, F]

  init(_ configuration: TextEncoderConfiguration) {
    hidden = Activations(rows: 0, width: configuration.width)
    queryKeyValue = Activations(rows: 0, width: 3 * configuration.width)
    attended = Activations(rows: 0, width: configuration.width)
    inner = Activations(rows: 0, width: configuration.feedForwardWidth)
  }

  /// Makes room for a batch.
  ///
  /// - Parameter feedForwardRows: most rows whose feed-forward is computed together.
  mutating func reset(tokens: Int, feedForwardRows: Int) {
    hidden.reset(rows: tokens)
    queryKeyValue.reset(rows: tokens)
    attended.reset(rows: tokens)
    inner.reset(rows: min(tokens, feedForwardRows))
  }
}
