// SPDX-License-Identifier: Apache-2.0

import Kernels

/// Intermediate values of the tower for one number of images, kept from batch to batch: fresh memory costs a page fault
/// for every 4 KiB.
struct VisionTowerWorkspace: ~Copyable, Sendable {
  /// B.
  let images: Int
  var pixels: Activations  // [B · P, C · patch · patch]
  var hidden: Activations  // [B · T, D]
  var normed: Activations  // [B · T, D]
  /// What a layer adds, before it is scaled; without rows where nothing is scaled.
  var branch: Activations  // [B · T, D]
  var queryKeyValue: Activations  // [B · T, 3 · D]
  var inner: Activations  // [feed-forward rows, F]

  /// - Parameter feedForwardRows: most rows whose feed-forward is computed together.
  init(_ configuration: VisionTowerConfiguration, images: Int, feedForwardRows: Int) {
    let rows = images * configuration.tokens
    let patch = configuration.patchSize
    self.images = images
    pixels = Activations(rows: images * configuration.patches, width: configuration.channels * patch * patch)
    hidden = Activations(rows: rows, width: configuration.width)
    normed = Activations(rows: rows, width: configuration.width)
    branch = Activations(rows: configuration.family.hasLayerScale ? rows : 0, width: configuration.width)
    queryKeyValue = Activations(rows: rows, width: 3 * configuration.width)
    inner = Activations(rows: min(rows, feedForwardRows), width: configuration.feedForwardWidth)
  }
}
