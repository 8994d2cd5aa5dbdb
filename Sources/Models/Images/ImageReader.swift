// SPDX-License-Identifier: Apache-2.0

internal import CImageCodec

/// An image file being decoded from the top row down.
///
/// Borrows the file's bytes: whoever makes a reader keeps them alive for as long as it is used.
struct ImageReader: ~Copyable {
  private let handle: OpaquePointer
  private let bytes: UnsafeRawBufferPointer
  /// As stored.
  let width: Int
  let height: Int
  /// What is kept of ``LargeImages``, in bytes.
  private var entered = 0

  /// Reads the header only.
  ///
  /// - Throws: `empty`, `tooLarge` or `tooManyPixels` before any memory is taken for pixels; `formatUnsupported`,
  ///   `truncated` or `corrupt` when the header cannot be read.
  init(borrowing bytes: UnsafeRawBufferPointer, limits: ImageLimits) throws(ImageError) {
    guard let base = bytes.assumingMemoryBound(to: UInt8.self).baseAddress, bytes.count > 0 else {
      throw ImageError(code: .empty, message: "The image has no bytes. Send a JPEG, PNG, WebP, GIF, BMP or TIFF file.")
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
    self.bytes = bytes
    width = Int(illmrec_image_reader_width(handle))
    height = Int(illmrec_image_reader_height(handle))
  }

  deinit {
    illmrec_image_reader_destroy(handle)
    LargeImages.leave(entered)
  }

  /// How the image is to be turned to be seen as it was taken; 1 for not at all.
  var orientation: Int32 { illmrec_image_orientation(bytes.baseAddress, bytes.count) }

  /// Waits until there is memory for the image; before the first row is read.
  ///
  /// - Parameter own: what the caller takes, in bytes.
  mutating func enter(own: Int = 0) {
    entered = Int(illmrec_image_reader_memory(handle)) + own
    LargeImages.enter(entered)
  }

  /// Decodes the next rows into the start of `rgb`, which has room for `rows` rows of 3 · width bytes.
  mutating func read(_ rows: Int, into rgb: UnsafeMutablePointer<UInt8>) throws(ImageError) {
    var result = illmrec_image_result()
    guard illmrec_image_reader_read(handle, rgb, Int32(rows), &result) == ILLMREC_IMAGE_OK else {
      throw ImageError(result)
    }
  }
}

extension ImageReader {
  /// Rows that are read in one step.
  static let rowsAtOnce = 16

  /// All of the image, as stored.
  mutating func readAll() throws(ImageError) -> RGBImage {
    enter()
    return try image(width: width, height: height) { reader, base throws(ImageError) in
      try reader.read(reader.height, into: base)
    }
  }

  /// All of the image, turned by an orientation of EXIF's.
  mutating func readAll(turnedBy orientation: Int32) throws(ImageError) -> RGBImage {
    enter(own: 3 * width * height)
    let isOnItsSide = orientation >= 5
    return try image(width: isOnItsSide ? height : width, height: isOnItsSide ? width : height) {
      reader, base throws(ImageError) in
      let rows = UnsafeMutablePointer<UInt8>.allocate(capacity: 3 * reader.width * Self.rowsAtOnce)
      defer { rows.deallocate() }
      for first in stride(from: 0, to: reader.height, by: Self.rowsAtOnce) {
        let count = min(Self.rowsAtOnce, reader.height - first)
        try reader.read(count, into: rows)
        illmrec_image_place_rows(
          rows, Int32(count), Int32(first), Int32(reader.width), Int32(reader.height), orientation, base)
      }
    }
  }

  private mutating func image(
    width: Int, height: Int, fill: (inout Self, UnsafeMutablePointer<UInt8>) throws(ImageError) -> Void
  ) throws(ImageError) -> RGBImage {
    var failure: ImageError?
    let pixels = [UInt8](unsafeUninitializedCapacity: 3 * width * height) { buffer, count in
      guard let base = buffer.baseAddress else { return }
      do throws(ImageError) {
        try fill(&self, base)
        count = 3 * width * height
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return RGBImage(width: width, height: height, pixels: pixels)
  }
}

extension RGBImage {
  /// The longest side of any image.
  package static let maxSide = Int(ILLMREC_IMAGE_MAX_SIDE)
}
