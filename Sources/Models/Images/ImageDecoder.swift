// SPDX-License-Identifier: Apache-2.0

/// Turns image files into pixels.
package enum ImageDecoder {
  /// Decodes a JPEG, PNG or WebP file, told apart by its first bytes, to the pixels of Pillow's
  /// `Image.open(...).convert("RGB")`. EXIF orientation is not applied; of an animation it is the first frame.
  ///
  /// - Complexity: no more memory than 4 bytes for each pixel (progressive JPEG: up to 11).
  package static func decode(
    _ bytes: UnsafeRawBufferPointer, limits: ImageLimits = ImageLimits()
  ) throws(ImageError) -> RGBImage {
    var reader = try ImageReader(borrowing: bytes, limits: limits)
    let (width, height) = (reader.width, reader.height)
    var failure: ImageError?
    let pixels = [UInt8](unsafeUninitializedCapacity: 3 * width * height) { buffer, count in
      guard let base = buffer.baseAddress else { return }
      do throws(ImageError) {
        try reader.read(height, into: base)
        count = 3 * width * height
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return RGBImage(width: width, height: height, pixels: pixels)
  }
}
