// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Models

/// The rules of Pillow's `convert("RGB")` for each kind of PNG.
@Suite("PNG follows the rules of Pillow's conversion to RGB") struct PNGDecodingTests {
  @Test func `Gray of all depths is decoded`() throws {
    #expect(try gray(depth: 1, row: [0b0101_0000], width: 4) == [0, 255, 0, 255])
    #expect(try gray(depth: 2, row: [0b00_01_10_11], width: 4) == [0, 85, 170, 255])
    #expect(try gray(depth: 4, row: [0x0F, 0x70], width: 3) == [0, 255, 119])
    #expect(try gray(depth: 8, row: [3, 200], width: 2) == [3, 200])
    // 16-bit gray saturates instead of being scaled.
    #expect(try gray(depth: 16, row: [0, 7, 0, 255, 1, 0, 255, 255], width: 4) == [7, 255, 255, 255])
  }

  @Test func `Colour keeps the high byte`() throws {
    #expect(try decode(colorType: 2, depth: 8, row: [1, 2, 3, 4, 5, 6], width: 2) == [1, 2, 3, 4, 5, 6])
    #expect(try decode(colorType: 2, depth: 16, row: [1, 99, 2, 99, 3, 99], width: 1) == [1, 2, 3])
  }

  @Test func `Alpha is dropped`() throws {
    #expect(try decode(colorType: 4, depth: 8, row: [10, 0, 20, 255], width: 2) == [10, 10, 10, 20, 20, 20])
    #expect(try decode(colorType: 4, depth: 16, row: [10, 99, 0, 0], width: 1) == [10, 10, 10])
    #expect(try decode(colorType: 6, depth: 8, row: [1, 2, 3, 0], width: 1) == [1, 2, 3])
    #expect(try decode(colorType: 6, depth: 16, row: [1, 9, 2, 9, 3, 9, 0, 0], width: 1) == [1, 2, 3])
  }

  @Test func `A palette ignores transparency and is black beyond its end`() throws {
    var png = PNGBuilder(width: 4, height: 1, bitDepth: 2, colorType: 3, rows: [[0b00_01_10_11]])
    png.palette = [9, 8, 7, 100, 110, 120]
    png.transparency = [0, 128]
    #expect(try ImageDecoder.decode(png.build()).pixels == [9, 8, 7, 100, 110, 120, 0, 0, 0, 0, 0, 0])
  }

  @Test func `Interlaced rows find their places`() throws {
    // 3 x 3, gray: pass 1 holds (0,0); 4 (2,0); 5 (0,2) and (2,2); 6 (1,0) and (1,2); 7 row 1.
    let png = PNGBuilder(
      width: 3, height: 3, colorType: 0, interlace: 1, rows: [[1], [3], [7, 9], [2], [8], [4, 5, 6]])
    let expected: [UInt8] = (1...9).flatMap { [$0, $0, $0] }
    #expect(try ImageDecoder.decode(png.build()).pixels == expected)
  }

  @Test func `A wrong checksum before the image is corruption`() throws {
    var bytes = PNGBuilder(width: 1, height: 1, rows: [[1, 2, 3]]).build()
    bytes[29] ^= 1
    #expect(throws: ImageError.self) { try ImageDecoder.decode(bytes) }
    do { _ = try ImageDecoder.decode(bytes) } catch { #expect(error.code == .corrupt) }
  }

  @Test func `Missing rows are truncation`() {
    let bytes = PNGBuilder(width: 1, height: 3, rows: [[1, 2, 3], [4, 5, 6]]).build()
    do { _ = try ImageDecoder.decode(bytes) } catch {
      #expect(error.code == .truncated)
      return
    }
    Issue.record("two of three rows were accepted")
  }

  private func gray(depth: UInt8, row: [UInt8], width: Int) throws -> [UInt8] {
    let pixels = try decode(colorType: 0, depth: depth, row: row, width: width)
    return stride(from: 0, to: pixels.count, by: 3).map { pixels[$0] }
  }

  private func decode(colorType: UInt8, depth: UInt8, row: [UInt8], width: Int) throws -> [UInt8] {
    let png = PNGBuilder(width: width, height: 1, bitDepth: depth, colorType: colorType, rows: [row])
    return try ImageDecoder.decode(png.build()).pixels
  }
}
