// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Models

@Suite("Images are decoded as Pillow does") struct ImageDecoderTests {
  @Test func `JPEG comes back close to what was encoded`() throws {
    let image = RGBImage.gradient(width: 67, height: 45)
    let decoded = try ImageDecoder.decode(JPEGEncoder.encode(image, quality: 95))
    #expect(decoded.width == 67 && decoded.height == 45)
    // Quality 95 with halved chroma on a smooth gradient: a few steps.
    #expect(zip(image.pixels, decoded.pixels).allSatisfy { abs(Int($0) - Int($1)) <= 8 })
  }

  /// Corner pixels as Pillow 13 reads them.
  @Test(arguments: [
    (ImageFixture.progressiveJPEG, [0, 3, 120] as [UInt8], [241, 237, 138] as [UInt8]),
    (.lossyWebP, [4, 3, 117], [232, 239, 139]),
    (.grayJPEG, [77, 77, 77], [77, 77, 77]),
    // With K inverted, 195 is left of white: 195 - 200 * 195 / 255 = 42, and so on.
    (.cmykJPEG, [42, 164, 126], [42, 164, 126]),
  ])
  func `Fixtures decode as Pillow does`(_ fixture: ImageFixture, first: [UInt8], last: [UInt8]) throws {
    let image = try ImageDecoder.decode(fixture.bytes)
    #expect(image.pixel(0, 0) == first)
    #expect(image.pixel(image.width - 1, image.height - 1) == last)
  }

  @Test func `WebP drops alpha and keeps colour`() throws {
    let image = try ImageDecoder.decode(ImageFixture.losslessWebP.bytes)
    #expect(image == RGBImage(width: 3, height: 2, pixels: ImageFixture.losslessPixels))
  }

  @Test func `An animation gives its first frame`() throws {
    let image = try ImageDecoder.decode(ImageFixture.animatedWebP.bytes)
    // Pillow's encoder cleared the colour under the one transparent pixel.
    var pixels = ImageFixture.losslessPixels
    pixels.replaceSubrange(9..<12, with: [0, 0, 0])
    #expect(image.pixels == pixels)
  }

  @Test func `Empty and foreign bytes are refused`() {
    #expect(code(of: []) == .empty)
    #expect(code(of: Array("qoif, which nobody asked for".utf8)) == .formatUnsupported)
    #expect(code(of: [0xFF]) == .formatUnsupported)
  }

  @Test func `Limits are named`() {
    let bytes = ImageFixture.progressiveJPEG.bytes
    #expect(code(of: bytes, ImageLimits(maxBytes: bytes.count - 1)) == .tooLarge)
    #expect(code(of: bytes, ImageLimits(maxPixels: 255)) == .tooManyPixels)
    #expect(code(of: bytes, ImageLimits(maxBytes: bytes.count, maxPixels: 256)) == nil)
  }

  @Test func `Raw pixels are checked`() {
    func code(_ width: Int, _ height: Int, _ bytes: Int) -> ImageError.Code? {
      let pixels = [UInt8](repeating: 0, count: bytes)
      do throws(ImageError) {
        _ = try pixels.withRawBytes { raw throws(ImageError) in
          try RGBImage(width: width, height: height, rgb: raw, limits: ImageLimits(maxPixels: 100))
        }
        return nil
      } catch { return error.code }
    }
    #expect(code(4, 5, 60) == nil)
    #expect(code(4, 5, 59) == .sizeMismatch)
    #expect(code(0, 5, 0) == .empty)
    #expect(code(101, 1, 303) == .tooManyPixels)
    #expect(code(Int(UInt32.max), Int(UInt32.max), 3) == .tooManyPixels)
  }

  private func code(of bytes: [UInt8], _ limits: ImageLimits = ImageLimits()) -> ImageError.Code? {
    do throws(ImageError) {
      _ = try ImageDecoder.decode(bytes, limits: limits)
      return nil
    } catch { return error.code }
  }
}
