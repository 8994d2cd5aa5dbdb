// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Models

@Suite("GIF, BMP and TIFF files are decoded as Pillow does") struct PillowFixtureTests {
  @Test(arguments: PillowFixture.allCases) func `Every pixel is Pillow's`(_ fixture: PillowFixture) throws {
    #expect(try ImageDecoder.decode(fixture.bytes) == fixture.image)
  }

  @Test(arguments: PillowFixture.allCases)
  func `A file that is resized row by row is the decoded image resized`(_ fixture: PillowFixture) throws {
    let preprocessing = ImagePreprocessing(size: 9)
    let streamed = try fixture.bytes.withUnsafeBytes { try preprocessing.resized(encoded: $0) }
    #expect(try streamed == preprocessing.resized(fixture.image))
  }

  @Test(arguments: PillowFixture.allCases) func `Pixels beyond the limit are refused from the header`(
    _ fixture: PillowFixture
  ) throws {
    let pixels = fixture.image.width * fixture.image.height
    _ = try ImageDecoder.decode(fixture.bytes, limits: ImageLimits(maxPixels: pixels))
    do {
      _ = try ImageDecoder.decode(fixture.bytes, limits: ImageLimits(maxPixels: pixels - 1))
      Issue.record("an image beyond the limit was decoded")
    } catch {
      #expect(error.code == .tooManyPixels)
    }
  }

  /// What Pillow reads and this does not, and what neither does: named, with what to do.
  @Test(arguments: [
    (BrokenFile.bmp(bits: 2), "a BMP of 2 bits"), (.bmp(header: 16), "a BMP with a header of 16 bytes"),
    (.bmp(compression: 4), "compression 4"), (.tiff(photometric: 8), "photometric interpretation 8"),
    (.tiff(compression: 6), "compression 6"), (.tiff(compression: 34712), "compression 34712"),
    (.tiff(bits: 64), "bits 64"),
  ])
  private func `Variants that are not decoded are named`(_ file: BrokenFile, name: String) {
    do {
      _ = try ImageDecoder.decode(file.bytes)
      Issue.record("it was decoded")
    } catch {
      #expect(error.code == .formatUnsupported)
      #expect(error.message.contains(name) && error.message.contains("Convert it to"), "\(error.message)")
    }
  }
}

/// A file whose header says what is not decoded.
private struct BrokenFile: Sendable {
  let bytes: [UInt8]

  static func bmp(bits: UInt8 = 24, header: UInt8 = 40, compression: UInt8 = 0) -> BrokenFile {
    var bytes = [UInt8](repeating: 0, count: 200)
    bytes.replaceSubrange(0..<2, with: Array("BM".utf8))
    (bytes[10], bytes[14], bytes[18], bytes[22], bytes[28], bytes[30]) = (54, header, 2, 2, bits, compression)
    return BrokenFile(bytes: bytes)
  }

  /// Of 1 x 1 pixel and one directory of little-endian shorts.
  static func tiff(photometric: UInt16 = 1, compression: UInt16 = 1, bits: UInt16 = 8) -> BrokenFile {
    let samples: UInt16 = photometric == 8 ? 3 : 1
    let entries: [(UInt16, UInt16)] = [
      (256, 1), (257, 1), (258, bits), (259, compression), (262, photometric), (273, 4), (277, samples), (278, 1),
      (279, 3),
    ]
    var bytes: [UInt8] = Array("II*\0".utf8) + [8, 0, 0, 0] + little(UInt16(entries.count))
    for (tag, value) in entries { bytes += little(tag) + little(3) + [1, 0, 0, 0] + little(value) + [0, 0] }
    return BrokenFile(bytes: bytes + [0, 0, 0, 0])
  }

  private static func little(_ value: UInt16) -> [UInt8] { [UInt8(value & 255), UInt8(value >> 8)] }
}
