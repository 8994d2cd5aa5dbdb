// SPDX-License-Identifier: Apache-2.0

/// What one image may cost, checked before memory is taken for it.
package struct ImageLimits: Sendable, Equatable {
  /// Bytes of the encoded file. 32 MiB unless told otherwise.
  package var maxBytes: Int
  /// Width times height, from the file's header. 100 million unless told otherwise.
  package var maxPixels: Int

  package init(maxBytes: Int = 32 << 20, maxPixels: Int = 100_000_000) {
    self.maxBytes = maxBytes
    self.maxPixels = maxPixels
  }
}
