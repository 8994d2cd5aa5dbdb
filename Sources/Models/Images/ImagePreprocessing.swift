// SPDX-License-Identifier: Apache-2.0

internal import CImageCodec

/// From an image to the vision tower's input, as a checkpoint's `preprocessor_config.json` says.
///
/// Resize straight to `height` x `width` (the aspect ratio is not kept), then
///
///     out[c, y, x] = (resized[y, x, c] · rescaleFactor - mean[c]) / std[c]
package struct ImagePreprocessing: Sendable, Equatable {
  /// Resampling kernels, by Pillow's numbers.
  package enum Kernel: Int, Sendable, CaseIterable {
    case lanczos = 1
    case bilinear = 2
    case bicubic = 3
    case box = 4
    case hamming = 5
  }

  /// Rows of the tower's input.
  package let height: Int
  /// Columns of the tower's input.
  package let width: Int
  package let mean: [Float]
  package let std: [Float]
  package let rescaleFactor: Double
  package let resample: Kernel
  /// How files are read.
  package var reading = ImageReading()
  /// Keys of the configuration that nothing is known of.
  var unknownKeys: [String] = []
  /// [3, 256]: the output for each sample of each channel.
  private let table: [Float]

  /// - Precondition: the sides are 1 to `RGBImage.maxSide`; `mean` and `std` have three elements, those of `std` not 0.
  package init(
    height: Int, width: Int, mean: [Float] = [0.5, 0.5, 0.5], std: [Float] = [0.5, 0.5, 0.5],
    rescaleFactor: Double = 1.0 / 255.0, resample: Kernel = .bicubic
  ) {
    precondition((1...RGBImage.maxSide).contains(height) && (1...RGBImage.maxSide).contains(width))
    precondition(mean.count == 3 && std.count == 3 && !std.contains(0))
    self.height = height
    self.width = width
    self.mean = mean
    self.std = std
    self.rescaleFactor = rescaleFactor
    self.resample = resample
    // The order of rounding is NumPy's in Hugging Face's image processors: scaled in double precision, kept in single.
    table = (0..<3).flatMap { c in
      (0..<256).map { (Float(Double($0) * rescaleFactor) - mean[c]) / std[c] }
    }
  }

  /// A square input.
  package init(
    size: Int, mean: [Float] = [0.5, 0.5, 0.5], std: [Float] = [0.5, 0.5, 0.5],
    rescaleFactor: Double = 1.0 / 255.0, resample: Kernel = .bicubic
  ) {
    self.init(height: size, width: size, mean: mean, std: std, rescaleFactor: rescaleFactor, resample: resample)
  }

  /// Decodes, resizes and normalises an image file. The decoded image is never held as a whole, where its format
  /// allows it.
  ///
  /// - Parameter limits: instead of those of ``reading``.
  package func prepare(
    encoded bytes: UnsafeRawBufferPointer, limits: ImageLimits? = nil
  ) throws(ImageError) -> PreparedImage {
    normalize(try resized(encoded: bytes, limits: limits))
  }

  /// Resizes and normalises pixels.
  package func prepare(_ image: RGBImage) throws(ImageError) -> PreparedImage {
    normalize(try resized(image))
  }

  /// The resized image of `prepare(encoded:)` before it is normalised, [height, width, 3].
  package func resized(
    encoded bytes: UnsafeRawBufferPointer, limits: ImageLimits? = nil
  ) throws(ImageError) -> RGBImage {
    var reader = try ImageReader(borrowing: bytes, limits: limits ?? reading.limits)
    if reading.appliesOrientation, reader.orientation != 1 {
      return try resized(try reader.readAll(turnedBy: reader.orientation))
    }
    reader.enter()
    var resampler = try resampler(width: reader.width, height: reader.height)
    let rowsAtOnce = ImageReader.rowsAtOnce
    let rows = UnsafeMutablePointer<UInt8>.allocate(capacity: 3 * reader.width * rowsAtOnce)
    defer { rows.deallocate() }
    for first in stride(from: 0, to: reader.height, by: rowsAtOnce) {
      let count = min(rowsAtOnce, reader.height - first)
      try reader.read(count, into: rows)
      resampler.push(count, rows)
    }
    return RGBImage(width: width, height: height, pixels: resampler.finish())
  }

  /// `image` at the tower's size, [height, width, 3].
  package func resized(_ image: RGBImage) throws(ImageError) -> RGBImage {
    var resampler = try resampler(width: image.width, height: image.height)
    image.pixels.withUnsafeBufferPointer { pixels in
      guard let base = pixels.baseAddress else { return }
      resampler.push(image.height, base)
    }
    return RGBImage(width: width, height: height, pixels: resampler.finish())
  }

  private func resampler(width inWidth: Int, height inHeight: Int) throws(ImageError) -> ImageResampler {
    try ImageResampler(inWidth: inWidth, inHeight: inHeight, outWidth: width, outHeight: height, kernel: resample)
  }

  private func normalize(_ image: RGBImage) -> PreparedImage {
    let values = [Float](unsafeUninitializedCapacity: image.pixels.count) { out, count in
      illmrec_image_map_to_planes(image.pixels, width * height, table, out.baseAddress)
      count = image.pixels.count
    }
    return PreparedImage(height: height, width: width, values: values)
  }
}
