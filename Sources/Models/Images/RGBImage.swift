// SPDX-License-Identifier: Apache-2.0

/// A decoded image of 8-bit samples.
package struct RGBImage: Sendable, Equatable {
  /// Columns.
  package let width: Int
  /// Rows.
  package let height: Int
  /// [height, width, 3]: rows from the top, R G B.
  package let pixels: [UInt8]

  /// - Precondition: the sides are positive and `pixels` holds 3 · width · height bytes.
  package init(width: Int, height: Int, pixels: [UInt8]) {
    precondition(width > 0 && height > 0 && pixels.count == 3 * width * height)
    self.width = width
    self.height = height
    self.pixels = pixels
  }

  /// Takes pixels that came from outside.
  ///
  /// - Throws: as ``check(width:height:byteCount:limits:)``.
  package init(width: Int, height: Int, rgb bytes: UnsafeRawBufferPointer, limits: ImageLimits) throws(ImageError) {
    try Self.check(width: width, height: height, byteCount: bytes.count, limits: limits)
    self.init(width: width, height: height, pixels: [UInt8](bytes))
  }

  /// - Throws: `sizeMismatch` unless `byteCount` is 3 · width · height, `empty` without pixels, `tooManyPixels` beyond the
  ///   limit.
  package static func check(width: Int, height: Int, byteCount: Int, limits: ImageLimits) throws(ImageError) {
    guard width > 0, height > 0 else {
      throw ImageError(code: .empty, message: "The image has \(width) x \(height) pixels; send at least one pixel.")
    }
    let (pixels, overflow) = width.multipliedReportingOverflow(by: height)
    guard !overflow, pixels <= limits.maxPixels, max(width, height) <= Self.maxSide else {
      throw ImageError(
        code: .tooManyPixels,
        message: """
          The image has \(width) x \(height) pixels; the limit is \(limits.maxPixels) in all and \(Self.maxSide) on \
          one side. Send a smaller image.
          """)
    }
    guard byteCount == 3 * pixels else {
      throw ImageError(
        code: .sizeMismatch,
        message: """
          \(width) x \(height) pixels take \(3 * pixels) bytes of R G B, but \(byteCount) were sent. \
          Check width, height and that there is no alpha and no padding of rows.
          """)
    }
  }
}
