// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Models

@Suite("Images are resized and normalised") struct ImagePreprocessingTests {
  /// Two pixels to four, a = -0.5, worked out by hand. The first output's centre is 0.25 source pixels in, 0.25 from the
  /// first pixel and 1.25 from the second: weights 0.8671875 and -0.0703125, over their sum 1.088235 and -0.088235. The
  /// second's are 0.792857 and 0.207143.
  @Test func `Bicubic weights are those worked out by hand`() throws {
    #expect(try resized([100, 200], width: 2, to: 4) == [91, 121, 179, 209])
    // What overshoots is clamped.
    #expect(try resized([0, 255], width: 2, to: 4) == [0, 53, 202, 255])
  }

  /// Halving with antialiasing: each output reaches over eight source pixels, with weights at distances of 0.25, 0.75,
  /// 1.25 and 1.75 of 0.8671875, 0.2265625, -0.0703125 and -0.0234375, twice each, over their sum of 2.
  @Test func `Shrinking antialiases`() throws {
    // Pixels 4 to 11 make output 4 of 8; a single bright pixel 7 is at distance 0.25: 255 * 0.43359375 = 110.57.
    var row = [UInt8](repeating: 0, count: 16)
    row[7] = 255
    let result = try resized(row, width: 16, to: 8)
    // Outputs 2 to 5 see it at distances of 1.25, 0.25, 0.75 and 1.75; negative ones are clamped.
    #expect(result == [0, 0, 0, 111, 29, 0, 0, 0])
  }

  @Test(arguments: ImagePreprocessing.Kernel.allCases)
  func `Flat stays flat and equal size is exact`(_ kernel: ImagePreprocessing.Kernel) throws {
    let flat = RGBImage(width: 37, height: 53, pixels: [UInt8](repeating: 201, count: 3 * 37 * 53))
    let preprocessing = ImagePreprocessing(height: 19, width: 70, resample: kernel)
    #expect(try preprocessing.resized(flat).pixels.allSatisfy { $0 == 201 })
    let image = RGBImage.gradient(width: 70, height: 19)
    #expect(try preprocessing.resized(image) == image)
  }

  @Test func `Pixels are normalised into planes`() throws {
    let image = RGBImage(width: 2, height: 1, pixels: [0, 51, 255, 255, 102, 0])
    let preprocessing = ImagePreprocessing(height: 1, width: 2, mean: [0.5, 0.2, 0], std: [0.5, 0.2, 1])
    let prepared = try preprocessing.prepare(image)
    #expect(prepared.height == 1 && prepared.width == 2)
    // One unit in the last place of 1.
    for (value, expected) in zip(prepared.values, [-1, 1, 0, 1, 1, 0] as [Float]) {
      #expect(abs(value - expected) < 1.2e-7)
    }
  }

  /// Sizes around the block of 16 rows, wider and narrower than the target, and tall ones, which go vertically first.
  @Test(arguments: [(1, 1), (16, 16), (17, 33), (5, 47), (200, 15), (33, 260)])
  func `Streamed and whole images agree`(width: Int, height: Int) throws {
    let file = try JPEGEncoder.encode(.gradient(width: width, height: height))
    let preprocessing = ImagePreprocessing(height: 31, width: 29)
    let streamed = try file.withUnsafeBytes { try preprocessing.prepare(encoded: $0) }
    #expect(try preprocessing.prepare(ImageDecoder.decode(file)) == streamed)
  }

  /// The height shrinks by more than twice as much as the width: vertically first, and two roundings in that order.
  @Test func `Tall images shrink vertically first`() throws {
    let image = RGBImage.gradient(width: 40, height: 100)
    let both = try ImagePreprocessing(height: 20, width: 30).resized(image)
    let vertical = try ImagePreprocessing(height: 20, width: 40).resized(image)
    #expect(try ImagePreprocessing(height: 20, width: 30).resized(vertical) == both)
    // 60 rows lost against 30 columns is not more than twice as much.
    let wide = RGBImage.gradient(width: 60, height: 80)
    let horizontal = try ImagePreprocessing(height: 80, width: 30).resized(wide)
    #expect(
      try ImagePreprocessing(height: 20, width: 30).resized(horizontal)
        == ImagePreprocessing(height: 20, width: 30).resized(wide))
  }

  private func resized(_ gray: [UInt8], width: Int, to outWidth: Int) throws -> [UInt8] {
    let image = RGBImage(width: width, height: gray.count / width, pixels: gray.flatMap { [$0, $0, $0] })
    let result = try ImagePreprocessing(height: gray.count / width, width: outWidth).resized(image)
    return stride(from: 0, to: result.pixels.count, by: 3).map { result.pixels[$0] }
  }
}
