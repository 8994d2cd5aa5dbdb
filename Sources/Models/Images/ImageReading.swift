// SPDX-License-Identifier: Apache-2.0

/// How image files are read before they are prepared for a tower.
package struct ImageReading: Sendable, Equatable {
  package var limits: ImageLimits
  /// Whether a photo is turned as its EXIF data says that the camera was held. The published code takes it as it is stored.
  package var appliesOrientation: Bool

  package init(limits: ImageLimits = ImageLimits(), appliesOrientation: Bool = false) {
    self.limits = limits
    self.appliesOrientation = appliesOrientation
  }

  /// What distinguishes the fingerprint of a tower that sees other pixels of the same file.
  var fingerprintSuffix: String { appliesOrientation ? "exif orientation applied" : "" }
}
