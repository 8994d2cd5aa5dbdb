// SPDX-License-Identifier: Apache-2.0

internal import CImageCodec

/// From an image to the vision tower's input, as a checkpoint's `preprocessor_config.json` says.
///
/// Resize, crop the middle where the configuration says so, then
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

  package struct Size: Sendable, Equatable {
    let height: Int
    let width: Int
  }

  /// What an image is resized to.
  package enum Resize: Sendable, Equatable {
    /// Whatever its aspect ratio.
    case exact(height: Int, width: Int)
    /// The shorter side, and the longer one so that the aspect ratio stays.
    case shortestEdge(Int)

    /// Of any image.
    var least: Size {
      switch self {
      case .exact(let height, let width): Size(height: height, width: width)
      case .shortestEdge(let edge): Size(height: edge, width: edge)
      }
    }

    /// Of an image of that size; the longer side is cut to a whole number, as in transformers.
    func size(ofWidth width: Int, height: Int) -> Size {
      guard case .shortestEdge(let edge) = self else { return least }
      let longer = Int(Double(edge * max(width, height)) / Double(min(width, height)))
      return width <= height ? Size(height: longer, width: edge) : Size(height: edge, width: longer)
    }
  }

  package let resize: Resize
  /// What is cut out of the middle; nil for all of it.
  package let crop: Size?
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

  /// - Precondition: the sides are 1 to `RGBImage.maxSide`, those of `crop` at most those of any resized image; `mean` and `std`
  ///   have three elements, those of `std` not 0.
  package init(
    resize: Resize, crop: Size? = nil, mean: [Float], std: [Float], rescaleFactor: Double, resample: Kernel
  ) {
    let (least, size) = (resize.least, crop ?? resize.least)
    precondition((1...RGBImage.maxSide).contains(least.height) && (1...RGBImage.maxSide).contains(least.width))
    precondition((1...least.height).contains(size.height) && (1...least.width).contains(size.width))
    precondition(mean.count == 3 && std.count == 3 && !std.contains(0))
    self.resize = resize
    self.crop = crop
    height = size.height
    width = size.width
    self.mean = mean
    self.std = std
    self.rescaleFactor = rescaleFactor
    self.resample = resample
    // The order of rounding is NumPy's in Hugging Face's image processors: scaled in double precision, kept in single.
    table = (0..<3).flatMap { c in
      (0..<256).map { (Float(Double($0) * rescaleFactor) - mean[c]) / std[c] }
    }
  }

  /// A resize straight to `height` x `width`.
  package init(
    height: Int, width: Int, mean: [Float] = [0.5, 0.5, 0.5], std: [Float] = [0.5, 0.5, 0.5],
    rescaleFactor: Double = 1.0 / 255.0, resample: Kernel = .bicubic
  ) {
    self.init(
      resize: .exact(height: height, width: width), mean: mean, std: std, rescaleFactor: rescaleFactor,
      resample: resample)
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
    let limits = limits ?? reading.limits
    var reader = try ImageReader(borrowing: bytes, limits: limits)
    if reading.appliesOrientation, reader.orientation != 1 {
      return try resized(try reader.readAll(turnedBy: reader.orientation))
    }
    let size = try resizedSize(width: reader.width, height: reader.height, limits)
    // Accumulators of 16 bytes for each pixel that is kept.
    reader.enter(own: 16 * size.width * size.height)
    var resampler = try ImageResampler(
      inWidth: reader.width, inHeight: reader.height, outWidth: size.width, outHeight: size.height, kernel: resample)
    let rowsAtOnce = ImageReader.rowsAtOnce
    let rows = UnsafeMutablePointer<UInt8>.allocate(capacity: 3 * reader.width * rowsAtOnce)
    defer { rows.deallocate() }
    for first in stride(from: 0, to: reader.height, by: rowsAtOnce) {
      let count = min(rowsAtOnce, reader.height - first)
      try reader.read(count, into: rows)
      resampler.push(count, rows)
    }
    return cropped(RGBImage(width: size.width, height: size.height, pixels: resampler.finish()))
  }

  /// `image` at the tower's size, [height, width, 3].
  package func resized(_ image: RGBImage) throws(ImageError) -> RGBImage {
    let size = try resizedSize(width: image.width, height: image.height, reading.limits)
    var resampler = try ImageResampler(
      inWidth: image.width, inHeight: image.height, outWidth: size.width, outHeight: size.height, kernel: resample)
    image.pixels.withUnsafeBufferPointer { pixels in
      guard let base = pixels.baseAddress else { return }
      resampler.push(image.height, base)
    }
    return cropped(RGBImage(width: size.width, height: size.height, pixels: resampler.finish()))
  }

  /// - Throws: `tooManyPixels` for an image so long that it is too large once its shorter side is the tower's.
  private func resizedSize(width: Int, height: Int, _ limits: ImageLimits) throws(ImageError) -> Size {
    let size = resize.size(ofWidth: width, height: height)
    guard case .shortestEdge = resize else { return size }
    guard max(size.width, size.height) <= RGBImage.maxSide, size.width * size.height <= limits.maxPixels else {
      throw ImageError(
        code: .tooManyPixels,
        message: """
          The image has \(width) x \(height) pixels, and would be resized to \(size.width) x \(size.height), the limit is \
          \(limits.maxPixels). Send an image that is less long.
          """)
    }
    return size
  }

  private func cropped(_ image: RGBImage) -> RGBImage {
    guard image.width != width || image.height != height else { return image }
    let (left, top) = ((image.width - width) / 2, (image.height - height) / 2)
    var pixels: [UInt8] = []
    pixels.reserveCapacity(3 * width * height)
    for row in top..<top + height {
      let start = 3 * (row * image.width + left)
      pixels += image.pixels[start..<start + 3 * width]
    }
    return RGBImage(width: width, height: height, pixels: pixels)
  }

  private func normalize(_ image: RGBImage) -> PreparedImage {
    let values = [Float](unsafeUninitializedCapacity: image.pixels.count) { out, count in
      illmrec_image_map_to_planes(image.pixels, width * height, table, out.baseAddress)
      count = image.pixels.count
    }
    return PreparedImage(height: height, width: width, values: values)
  }
}
