import Testing

@testable import Models

@Suite struct ImageDecoderTests {
  @Test func jpegComesBackCloseToWhatWasEncoded() throws {
    let image = RGBImage.gradient(width: 67, height: 45)
    let decoded = try ImageDecoder.decode(JPEGEncoder.encode(image, quality: 95))
    #expect(decoded.width == 67 && decoded.height == 45)
    // Quality 95 with halved chroma on a smooth gradient: a few steps.
    #expect(zip(image.pixels, decoded.pixels).allSatisfy { abs(Int($0) - Int($1)) <= 8 })
  }
}

extension ImageDecoder {
  static func decode(_ bytes: [UInt8], limits: ImageLimits = ImageLimits()) throws -> RGBImage {
    try bytes.withUnsafeBytes { try decode($0, limits: limits) }
  }
}

extension RGBImage {
  /// A smooth image that differs in every channel and direction.
  static func gradient(width: Int, height: Int) -> RGBImage {
    var pixels: [UInt8] = []
    for y in 0..<height {
      for x in 0..<width {
        pixels += [UInt8(x * 255 / width), UInt8(y * 255 / height), UInt8((x + y) * 255 / (width + height))]
      }
    }
    return RGBImage(width: width, height: height, pixels: pixels)
  }
}
