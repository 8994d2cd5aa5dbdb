// SPDX-License-Identifier: Apache-2.0

import Glibc
import TestSupport
import Testing

@testable import Models

/// Files made to hurt: each is an error or an image, soon and in little memory, and never a crash. Run them under the
/// address sanitizer too: `swift test --sanitize=address --filter HostileImageTests`.
@Suite("Hostile images do no harm") struct HostileImageTests {
  struct File: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let bytes: [UInt8]
  }

  /// Every kind of file, small.
  private static let files: [File] =
    ImageFixture.allCases.map { File(testDescription: "\($0)", bytes: $0.bytes) }
    + PillowFixture.allCases.map { File(testDescription: "\($0)", bytes: $0.bytes) } + [
      File(
        testDescription: "baselineJPEG", bytes: (try? JPEGEncoder.encode(.gradient(width: 40, height: 24))) ?? []),
      File(
        testDescription: "alphaPNG",
        bytes: PNGBuilder(width: 5, height: 4, colorType: 6, rows: .init(repeating: .init(0..<20), count: 4)).build()),
      File(
        testDescription: "interlacedPNG",
        bytes: PNGBuilder(
          width: 3, height: 3, colorType: 0, interlace: 1, rows: [[1], [3], [7, 9], [2], [8], [4, 5, 6]]
        ).build()),
      File(
        testDescription: "palettePNG",
        bytes: PNGBuilder(
          width: 8, height: 1, bitDepth: 1, colorType: 3, palette: [1, 2, 3, 4, 5, 6], rows: [[0x5A]]
        ).build()),
    ]

  @Test(arguments: files) func `Every prefix is an error or the image`(_ whole: File) throws {
    let file = whole.bytes
    let image = try ImageDecoder.decode(file)
    for count in 0..<file.count {
      do {
        // A JPEG may lack its end marker, and a PNG its end chunk, when all rows are there.
        #expect(try ImageDecoder.decode(Array(file[..<count])) == image, "cut to \(count) of \(file.count)")
      } catch {
        #expect([.empty, .formatUnsupported, .truncated, .corrupt].contains(error.code), "\(error)")
      }
    }
  }

  /// 3,000 random damages of each file: replaced, removed and doubled bytes.
  @Test(arguments: files) func `Damage is survived`(_ whole: File) throws {
    let file = whole.bytes
    var random = SeededGenerator(seed: UInt64(file.count))
    let limits = ImageLimits(maxPixels: 100_000)
    let preprocessing = ImagePreprocessing(size: 9)
    var decoded = 0
    for _ in 0..<3_000 {
      let damaged = damage(file, &random)
      if let image = try? damaged.withUnsafeBytes({ try preprocessing.resized(encoded: $0, limits: limits) }) {
        #expect(image.width == 9 && image.height == 9)
        decoded += 1
      }
    }
    #expect(decoded < 3_000)
  }

  @Test func `Huge headers are refused before memory is taken`() throws {
    let jpeg = jpeg(ImageFixture.progressiveJPEG.bytes, claiming: 60_000, 60_000)
    let png = PNGBuilder(width: 60_000, height: 60_000, rows: [[1, 2, 3]]).build()
    let side = UInt32(16_382)
    let webP =
      Array("RIFF".utf8) + [22, 0, 0, 0] + Array("WEBPVP8L".utf8) + [10, 0, 0, 0, 0x2F]
      + withUnsafeBytes(of: (side | side << 14).littleEndian) { Array($0) } + [0, 0, 0, 0, 0]
    for file in [jpeg, png, webP] {
      do {
        _ = try ImageDecoder.decode(file)
        Issue.record("a huge image was decoded")
      } catch {
        #expect(error.code == .tooManyPixels)
        #expect(error.message.contains("100000000"))
      }
    }
  }

  @Test func `Scans without end are stopped`() throws {
    // The last scan, of 12 + 12 bytes, 100,000 times over, on an image just within the limit.
    let file = jpeg(ImageFixture.progressiveJPEG.bytes, claiming: 3_000, 3_000)
    let scan = try #require(file.lastIndex { $0 == 0xDA }) - 1
    let repeated = file[..<(file.count - 2)] + (0..<100_000).flatMap { _ in file[scan..<(file.count - 2)] }
    let start = Self.threadSeconds()
    do {
      _ = try ImageDecoder.decode(Array(repeated))
      Issue.record("decoded 100,000 scans")
    } catch {
      #expect(error.code == .tooManyPixels)
      #expect(error.message.contains("scans"))
    }
    // It takes a third of a second; the code may be instrumented.
    #expect(Self.threadSeconds() - start < 10)
  }

  /// CPU time of this thread: the machine may be busy.
  private static func threadSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  @Test func `Compressed text is not unpacked`() throws {
    // Not even looked at: the text is no zlib stream.
    var png = PNGBuilder(width: 1, height: 1, rows: [[1, 2, 3]])
    png.extra = [
      ("zTXt", Array("key".utf8) + [0, 0] + [UInt8](repeating: 0xFF, count: 100_000)), ("iCCP", [0, 0, 0]),
    ]
    #expect(try ImageDecoder.decode(png.build()).pixels == [1, 2, 3])
  }

  private func damage(_ file: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
    var bytes = file
    for _ in 0..<Int.random(in: 1...4, using: &random) {
      let at = Int.random(in: 0..<bytes.count, using: &random)
      switch Int.random(in: 0..<8, using: &random) {
      case 0: bytes.remove(at: at)
      case 1: bytes.insert(bytes[at], at: at)
      case 2: bytes[at] = [0, 0xFF, 0x7F, 0x80].randomElement(using: &random) ?? 0
      default: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      }
    }
    if Bool.random(using: &random) { repairPNGChecksums(&bytes) }
    return bytes
  }

  /// So that damage reaches what lies behind the checksums.
  private func repairPNGChecksums(_ bytes: inout [UInt8]) {
    guard bytes.starts(with: [0x89, 0x50, 0x4E, 0x47]) else { return }
    var at = 8
    while at + 12 <= bytes.count {
      let length = bytes[at..<at + 4].reduce(0) { $0 << 8 | Int($1) }
      guard at + 12 + length <= bytes.count else { return }
      bytes.replaceSubrange(
        at + 8 + length..<at + 12 + length, with: bigEndian(crc32(bytes[at + 4..<at + 8 + length])))
      at += 12 + length
    }
  }
}
