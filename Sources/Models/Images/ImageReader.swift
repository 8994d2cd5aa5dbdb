// SPDX-License-Identifier: Apache-2.0

internal import CImageCodec

/// An image file being decoded from the top row down.
///
/// Borrows the file's bytes: whoever makes a reader keeps them alive for as long as it is used.
struct ImageReader: ~Copyable {
  private let handle: OpaquePointer
  let width: Int
  let height: Int

  /// Reads the header only.
  ///
  /// - Throws: `empty`, `tooLarge` or `tooManyPixels` before any memory is taken for pixels; `formatUnsupported`,
  ///   `truncated` or `corrupt` when the header cannot be read.
  init(borrowing bytes: UnsafeRawBufferPointer, limits: ImageLimits) throws(ImageError) {
    guard let base = bytes.assumingMemoryBound(to: UInt8.self).baseAddress, bytes.count > 0 else {
      throw ImageError(code: .empty, message: "The image has no bytes. Send a JPEG, PNG or WebP file.")
    }
    guard bytes.count <= limits.maxBytes else {
      throw ImageError(
        code: .tooLarge,
        message: "The image has \(bytes.count) bytes, the limit is \(limits.maxBytes). Send a smaller file.")
    }
    var result = illmrec_image_result()
    guard let handle = illmrec_image_reader_create(base, bytes.count, UInt64(max(limits.maxPixels, 0)), &result) else {
      if result.status == ILLMREC_IMAGE_UNSUPPORTED, let name = ForeignImage.name([UInt8](bytes.prefix(512))) {
        throw ImageError(code: .formatUnsupported, message: "The image is \(name)")
      }
      throw ImageError(result)
    }
    self.handle = handle
    width = Int(illmrec_image_reader_width(handle))
    height = Int(illmrec_image_reader_height(handle))
  }

  deinit { illmrec_image_reader_destroy(handle) }

  /// Decodes the next rows into the start of `rgb`, which has room for `rows` rows of 3 · width bytes.
  mutating func read(_ rows: Int, into rgb: UnsafeMutablePointer<UInt8>) throws(ImageError) {
    var result = illmrec_image_result()
    guard illmrec_image_reader_read(handle, rgb, Int32(rows), &result) == ILLMREC_IMAGE_OK else {
      throw ImageError(result)
    }
  }
}

extension RGBImage {
  /// The longest side of any image.
  package static let maxSide = Int(ILLMREC_IMAGE_MAX_SIDE)
}
