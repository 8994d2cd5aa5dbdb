// SPDX-License-Identifier: Apache-2.0

internal import CImageCodec

/// Turns pixels into JPEG files.
package enum JPEGEncoder {
  /// A baseline JPEG with 4:2:0 chroma.
  ///
  /// - Parameter quality: 1 (smallest) to 100 (best); values outside are clamped.
  package static func encode(_ image: RGBImage, quality: Int = 90) throws(ImageError) -> [UInt8] {
    var bytes: UnsafeMutablePointer<UInt8>?
    var count = 0
    var result = illmrec_image_result()
    let status = illmrec_jpeg_encode(
      image.pixels, Int32(image.width), Int32(image.height), Int32(min(max(quality, 1), 100)), &bytes, &count, &result)
    guard status == ILLMREC_IMAGE_OK, let bytes else { throw ImageError(encoding: result) }
    defer { illmrec_image_free(bytes) }
    return [UInt8](UnsafeBufferPointer(start: bytes, count: count))
  }
}

extension ImageError {
  fileprivate init(encoding result: illmrec_image_result) {
    let problem = withUnsafeBytes(of: result.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    self.init(code: .formatUnsupported, message: "The pixels cannot be written as a JPEG: \(problem).")
  }
}
