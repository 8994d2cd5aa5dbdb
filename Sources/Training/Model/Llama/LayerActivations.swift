// SPDX-License-Identifier: Apache-2.0

import Kernels
import Models

/// What one layer's way back reads of its way forward, beside the layer's input.
///
/// Queries and all that follows them have a row for each row that the layer computes: T, or R in the last layer.
final class LayerActivations {
  var query: Activations  // [T or R, H · E], normed and rotated
  var key: Activations  // [T, G · E], normed and rotated
  var projectedQuery: Activations  // [T or R, H · E], what the norm of the heads read; no rows without one
  var projectedKey: Activations  // [T, G · E], likewise
  var value: Activations  // [T, G · E]
  var attended: Activations  // [T or R, H · E]
  var logSums: Activations  // [T or R, H]
  var middle: Activations  // [T or R, D]: the input and the attention's branch
  var gate: Activations  // [T or R, F]
  var up: Activations  // [T or R, F]

  init(_ configuration: LlamaConfiguration) {
    let queryWidth = configuration.heads * configuration.headWidth
    let keyWidth = configuration.keyValueHeads * configuration.headWidth
    query = Activations(rows: 0, width: queryWidth)
    key = Activations(rows: 0, width: keyWidth)
    projectedQuery = Activations(rows: 0, width: queryWidth)
    projectedKey = Activations(rows: 0, width: keyWidth)
    value = Activations(rows: 0, width: keyWidth)
    attended = Activations(rows: 0, width: queryWidth)
    logSums = Activations(rows: 0, width: configuration.heads)
    middle = Activations(rows: 0, width: configuration.width)
    gate = Activations(rows: 0, width: configuration.feedForwardWidth)
    up = Activations(rows: 0, width: configuration.feedForwardWidth)
  }

  func reset(rows: Int, keyRows: Int) {
    query.reset(rows: rows)
    key.reset(rows: keyRows)
    value.reset(rows: keyRows)
    attended.reset(rows: rows)
    logSums.reset(rows: rows)
    middle.reset(rows: rows)
    gate.reset(rows: rows)
    up.reset(rows: rows)
  }

  /// Bytes of one row.
  static func bytesPerRow(_ c: LlamaConfiguration) -> Int {
    let placed = c.headWidth * (c.heads + c.keyValueHeads) * (c.decoder.headNorm == nil ? 1 : 2)
    let attention = placed + c.headWidth * (c.heads + c.keyValueHeads) + c.heads
    return (attention + c.width + 2 * c.feedForwardWidth) * MemoryLayout<Float>.stride
  }
}

/// A matrix that outlives the call that wrote it.
final class KeptRows {
  var rows: Activations

  init(width: Int) { rows = Activations(rows: 0, width: width) }
}
