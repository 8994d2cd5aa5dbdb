// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Models

/// Progressive files that do not tell every bit: the decoder estimates the rest from the tones around. All values are what
/// Pillow 13 reads, with libjpeg-turbo 3.2; 2.1.5 alone reads others.
@Suite("Progressive JPEGs that lack something decode as Pillow does") struct ProgressiveJPEGTests {
  struct File: Sendable, CustomTestStringConvertible {
    var columns: Int
    var rows: Int
    var verticalSampling: UInt8
    var scans: [ProgressiveJPEGBuilder.Scan]
    /// Of the fourth pixel in the first row of each row of blocks.
    var tones: [UInt8]
    /// Of all samples.
    var crc: UInt32

    var testDescription: String { "\(columns) x \(rows) blocks, \(verticalSampling) a row of MCUs, \(scans)" }
  }

  private static let files: [File] = [
    File(columns: 2, rows: 3, verticalSampling: 1, scans: [.tones], tones: [81, 133, 166], crc: 0xE410_30FD),
    File(
      columns: 2, rows: 3, verticalSampling: 1, scans: [.tones, .details(unknownBits: 1, blocks: 6)],
      tones: [87, 162, 155], crc: 0xC0A3_70A2),
    File(
      columns: 2, rows: 3, verticalSampling: 1, scans: [.tones, .details(unknownBits: 0, blocks: 6)],
      tones: [88, 162, 154], crc: 0x4BF7_DA4E),
    File(
      columns: 3, rows: 5, verticalSampling: 2, scans: [.tones], tones: [79, 131, 165, 146, 141], crc: 0xA606_BF80),
    File(
      columns: 3, rows: 5, verticalSampling: 2, scans: [.tones, .details(unknownBits: 1, blocks: 15)],
      tones: [87, 162, 155, 147, 138], crc: 0x0AF7_B696),
    File(
      columns: 2, rows: 8, verticalSampling: 2, scans: [.tones],
      tones: [81, 132, 167, 147, 142, 137, 124, 116], crc: 0x81D6_F6BB),
    // The second scan ends early; below its end only tones are known.
    File(
      columns: 5, rows: 7, verticalSampling: 2, scans: [.tones, .details(unknownBits: 1, blocks: 16)],
      tones: [87, 162, 155, 147, 145, 141, 128], crc: 0xC6FD_252B),
    File(
      columns: 4, rows: 9, verticalSampling: 4, scans: [.tones],
      tones: [79, 131, 165, 146, 145, 140, 128, 117, 106], crc: 0x6C6F_C9DF),
    File(
      columns: 6, rows: 4, verticalSampling: 1, scans: [.tones], tones: [79, 131, 166, 149], crc: 0xD8BF_BF30),
  ]

  @Test(arguments: files) func `What is not told is estimated from the same neighbours`(_ file: File) throws {
    let image = try ImageDecoder.decode(builder(file).build())
    #expect(image.width == 8 * file.columns && image.height == 8 * file.rows)
    #expect((0..<file.rows).map { image.pixel(3, 8 * $0)[0] } == file.tones)
    #expect(crc32(image.pixels) == file.crc)
  }

  @Test func `A second frame is refused also where the data ends within its header`() throws {
    let first = try Array(JPEGEncoder.encode(.gradient(width: 16, height: 16)).dropLast(2))
    let header = builder(Self.files[0]).frameHeader()
    #expect(try ImageDecoder.decode(first + [0xFF, 0xD9]).width == 16)
    for count in 2...header.count {
      let file = first + header.prefix(count)
      let error = #expect(throws: ImageError.self) { try ImageDecoder.decode(file) }
      #expect(error?.code == .corrupt, "\(count) bytes of the header")
    }
  }

  private func builder(_ file: File) -> ProgressiveJPEGBuilder {
    ProgressiveJPEGBuilder(
      columns: file.columns, rows: file.rows, verticalSampling: file.verticalSampling, scans: file.scans)
  }
}
