// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@testable import Models

@Suite("Photos are turned as EXIF says only when that is asked for") struct OrientationTests {
  private static let image = RGBImage.gradient(width: 37, height: 21)

  /// Where a stored pixel is seen; the names are of EXIF's specification, version 2.32, table 6.
  private static func seen(_ x: Int, _ y: Int, _ orientation: Int) -> (x: Int, y: Int) {
    let (right, bottom) = (image.width - 1, image.height - 1)
    return switch orientation {
    case 2: (right - x, y)  // top, right
    case 3: (right - x, bottom - y)  // bottom, right
    case 4: (x, bottom - y)  // bottom, left
    case 5: (y, x)  // left, top
    case 6: (bottom - y, x)  // right, top
    case 7: (bottom - y, right - x)  // right, bottom
    case 8: (y, right - x)  // left, bottom
    default: (x, y)
    }
  }

  @Test(arguments: 0...9, [true, false]) func `Each pixel of a JPEG goes where it is seen`(
    _ orientation: Int, isBigEndian: Bool
  ) throws {
    let file = try jpeg(orientation: orientation, isBigEndian)
    let stored = try ImageDecoder.decode(file)
    let turned = try file.withUnsafeBytes { try ImageDecoder.decode($0, appliesOrientation: true) }
    #expect((turned.width, turned.height) == ((5...8).contains(orientation) ? (21, 37) : (37, 21)))
    for y in 0..<stored.height {
      for x in 0..<stored.width {
        let place = Self.seen(x, y, orientation)
        try #require(turned.pixel(place.x, place.y) == stored.pixel(x, y))
      }
    }
  }

  @Test func `What is prepared for a tower is what is seen`() throws {
    let file = try jpeg(orientation: 6)
    var preprocessing = ImagePreprocessing(size: 16)
    let turned = try file.withUnsafeBytes { try ImageDecoder.decode($0, appliesOrientation: true) }
    let stored = try ImageDecoder.decode(file)
    #expect(try file.withUnsafeBytes { try preprocessing.prepare(encoded: $0) } == preprocessing.prepare(stored))
    preprocessing.reading.appliesOrientation = true
    #expect(try file.withUnsafeBytes { try preprocessing.prepare(encoded: $0) } == preprocessing.prepare(turned))
  }

  @Test func `PNG files say it in a chunk of their own`() throws {
    var png = PNGBuilder(width: 2, height: 1, rows: [[1, 2, 3, 4, 5, 6]])
    png.extra = [("eXIf", exif(6))]
    let turned = try png.build().withUnsafeBytes { try ImageDecoder.decode($0, appliesOrientation: true) }
    #expect(turned == RGBImage(width: 1, height: 2, pixels: [1, 2, 3, 4, 5, 6]))
  }

  /// Whether a file of two pixels side by side has them above each other.
  private func isTurned(_ file: [UInt8]) throws -> Bool {
    try file.withUnsafeBytes { try ImageDecoder.decode($0, appliesOrientation: true) }.width == 1
  }

  private func png(_ chunks: [(name: String, data: [UInt8])]) -> [UInt8] {
    var png = PNGBuilder(width: 2, height: 1, rows: [[1, 2, 3, 4, 5, 6]])
    png.extra = chunks
    return png.build()
  }

  /// A directory with entries of the tag: type, count and the four bytes of the value.
  private func directory(_ entries: [(type: UInt8, count: UInt8, value: [UInt8])]) -> [UInt8] {
    var bytes = Array("MM".utf8) + [0, 42, 0, 0, 0, 8, 0, UInt8(entries.count)]
    for entry in entries { bytes += [1, 18, 0, entry.type, 0, 0, 0, entry.count] + entry.value }
    return bytes + [0, 0, 0, 0, 0, 0, 0, 12, 0, 0, 0, 2]
  }

  /// Authority: Pillow's `ImageOps.exif_transpose`.
  @Test func `The tag may be a number of any type, and the first that is one counts`() throws {
    let rational = UInt8(8 + 2 + 12 + 4)
    for (entries, turns) in [
      ([(4, 1, [0, 0, 0, 6])], true), ([(8, 1, [0, 6, 0, 0])], true), ([(9, 1, [0, 0, 0, 6])], true),
      ([(6, 1, [6, 0, 0, 0])], true), ([(5, 1, [0, 0, 0, rational])], true), ([(3, 2, [0, 6, 0, 1])], true),
      ([(3, 1, [0, 6, 0, 0]), (3, 1, [0, 1, 0, 0])], true), ([(3, 1, [0, 1, 0, 0]), (3, 1, [0, 6, 0, 0])], false),
      ([(99, 1, [0, 6, 0, 0]), (3, 1, [0, 6, 0, 0])], true), ([(1, 1, [6, 0, 0, 0])], false),
      ([(4, 1, [0, 6, 0, 0])], false), ([(3, 1, [0, 9, 0, 0])], false), ([(4, 0, [0, 0, 0, 6])], false),
    ] as [([(type: UInt8, count: UInt8, value: [UInt8])], Bool)] {
      #expect(try isTurned(png([("eXIf", directory(entries))])) == turns, "\(entries)")
    }
  }

  @Test func `XMP says it where EXIF does not`() throws {
    func text(_ keyword: String, _ rest: String) -> [UInt8] { Array("\(keyword)\0\(rest)".utf8) }
    let (attribute, element) = (#"<x tiff:Orientation="6"/>"#, "<tiff:Orientation>8</tiff:Orientation>")
    for xmp in [attribute, element, "tiff:Orientation tiff:Orientation=\"6\""] {
      #expect(try isTurned(png([("iTXt", text("XML:com.adobe.xmp", "\0\0\0\0" + xmp))])), "\(xmp)")
    }
    let xmp = (name: "iTXt", data: text("XML:com.adobe.xmp", "\0\0\0\0" + attribute))
    #expect(try !isTurned(png([("eXIf", directory([(3, 1, [0, 1, 0, 0])])), xmp])))
    #expect(try !isTurned(png([("iTXt", text("XML:com.adobe.xmp", "\0\0\0\0tiff:Orientation=6"))])))
    #expect(try !isTurned(png([("iTXt", text("XML:com.other", "\0\0\0\0" + attribute))])))
    let file = try JPEGEncoder.encode(Self.image)
    let segment = text("http://ns.adobe.com/xap/1.0/", attribute)
    let jpeg: [UInt8] = [0xFF, 0xD8, 0xFF, 0xE1, 0, UInt8(segment.count + 2)] + segment + file.dropFirst(2)
    #expect(try jpeg.withUnsafeBytes { try ImageDecoder.decode($0, appliesOrientation: true) }.width == 21)
  }

  /// As ImageMagick writes it.
  @Test func `PNG files say it in hexadecimal text as well`() throws {
    let data = Array("Exif\0\0".utf8) + exif(6)
    let digits = data.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    let text = Array("Raw profile type exif\0\nexif\n      \(data.count)\n\(digits)\n".utf8)
    #expect(try isTurned(png([("tEXt", text)])))
    #expect(try !isTurned(png([("tEXt", text), ("eXIf", exif(1))])))
  }

  @Test func `Embeddings of turned photos are another tower's`() throws {
    let stored = try FrozenTower(checkpoint: SyntheticModels.location(), threads: 1)
    let turned = try FrozenTower(
      checkpoint: SyntheticModels.location(), threads: 1, reading: ImageReading(appliesOrientation: true))
    #expect(stored.fingerprint != turned.fingerprint)
  }

  /// Damaged EXIF data is as none: the image is still one.
  @Test func `Damaged EXIF data turns nothing`() throws {
    let file = try jpeg(orientation: 6)
    var random = SeededGenerator(seed: 6)
    // From behind the segment's name to its end.
    let data = 12..<4 + Int(file[4]) << 8 + Int(file[5])
    for _ in 0..<2000 {
      var damaged = file
      damaged[Int.random(in: data, using: &random)] = UInt8.random(in: 0...255, using: &random)
      let image = try damaged.withUnsafeBytes { try ImageDecoder.decode($0, appliesOrientation: true) }
      #expect(image.width * image.height == 37 * 21)
    }
  }

  private func jpeg(orientation: Int, _ isBigEndian: Bool = true) throws -> [UInt8] {
    let file = try JPEGEncoder.encode(Self.image)
    let data = Array("Exif\0\0".utf8) + exif(orientation, isBigEndian)
    return [0xFF, 0xD8, 0xFF, 0xE1, 0, UInt8(data.count + 2)] + data + file.dropFirst(2)
  }

  /// A directory of one entry.
  private func exif(_ orientation: Int, _ isBigEndian: Bool = true) -> [UInt8] {
    func short(_ value: Int) -> [UInt8] {
      isBigEndian ? [UInt8(value >> 8), UInt8(value & 255)] : [UInt8(value & 255), UInt8(value >> 8)]
    }
    func long(_ value: Int) -> [UInt8] { isBigEndian ? short(0) + short(value) : short(value) + short(0) }
    return Array((isBigEndian ? "MM" : "II").utf8) + short(42) + long(8) + short(1) + short(274) + short(3) + long(1)
      + short(orientation) + [0, 0] + long(0)
  }
}
