// SPDX-License-Identifier: Apache-2.0

/// Turns image files into pixels.
package enum ImageDecoder {
  /// Decodes a JPEG, PNG, WebP, GIF, BMP or TIFF file, told apart by its first bytes, to the pixels of Pillow's
  /// `Image.open(...).convert("RGB")`: of an animation the first frame; EXIF orientation is left alone, but for a TIFF's, which
  /// Pillow applies.
  ///
  /// - Parameter appliesOrientation: of every format, as Pillow's `ImageOps.exif_transpose`.
  /// - Complexity: no more memory than 4 bytes for each pixel (TIFF: 10, progressive JPEG: 11). What takes much of it is decoded
  ///   while no other such image is.
  package static func decode(
    _ bytes: UnsafeRawBufferPointer, limits: ImageLimits = ImageLimits(), appliesOrientation: Bool = false
  ) throws(ImageError) -> RGBImage {
    var reader = try ImageReader(borrowing: bytes, limits: limits)
    let orientation = appliesOrientation ? reader.orientation : 1
    return orientation == 1 ? try reader.readAll() : try reader.readAll(turnedBy: orientation)
  }
}
