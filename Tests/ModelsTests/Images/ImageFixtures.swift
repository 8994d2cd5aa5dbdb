// SPDX-License-Identifier: Apache-2.0

import Foundation

@testable import Models

/// Small files that Pillow 13 wrote, for the kinds that `JPEGEncoder` and `PNGBuilder` do not write.
enum ImageFixture: String, CaseIterable {
  /// 16 x 16: red grows to the right, green downwards, blue is 128; progressive, 4:2:0, quality 90.
  case progressiveJPEG = """
    /9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAMCAgMCAgMDAwMEAwMEBQgFBQQEBQoHBwYIDAoMDAsKCwsNDhIQDQ4RDgsLEBYQERMUFRUVDA8XGBYUGB\
    IUFRT/2wBDAQMEBAUEBQkFBQkUDQsNFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBT/wgARCAAQABADASIA\
    AhEBAxEB/8QAFQABAQAAAAAAAAAAAAAAAAAABgf/xAAVAQEBAAAAAAAAAAAAAAAAAAABA//aAAwDAQACEAMQAAABlTNizqf/xAAWEAADAAAAAAAAAA\
    AAAAAAAAAABAX/2gAIAQEAAQUCVlCkoUlCso//xAAYEQACAwAAAAAAAAAAAAAAAAAABQYhMf/aAAgBAwEBPwGNvss//8QAFxEAAwEAAAAAAAAAAAAA\
    AAAAAAQFYf/aAAgBAgEBPwFyxp//xAAVEAEBAAAAAAAAAAAAAAAAAAAAMf/aAAgBAQAGPwKIiP/EABUQAQEAAAAAAAAAAAAAAAAAAAAx/9oACAEBAA\
    E/IZsWLN//2gAMAwEAAgADAAAAEAv/xAAVEQEBAAAAAAAAAAAAAAAAAAAAof/aAAgBAwEBPxCe/8QAFREBAQAAAAAAAAAAAAAAAAAAADH/2gAIAQIB\
    AT8Qsf/EABUQAQEAAAAAAAAAAAAAAAAAAADx/9oACAEBAAE/EJSEhJT/2Q==
    """
  /// 8 x 8 of one ink, C M Y K = 200 40 90 60, written inverted as Adobe does.
  case cmykJPEG = """
    /9j/7gAOQWRvYmUAZAAAAAAA/9sAQwACAQEBAQECAQEBAgICAgIEAwICAgIFBAQDBAYFBgYGBQYGBgcJCAYHCQcGBggLCAkKCgoKCgYICwwLCgwJCgoK\
    /8AAFAgACAAIBEMRAE0RAFkRAEsRAP/EAB8AAAEFAQEBAQEBAAAAAAAAAAABAgMEBQYHCAkKC//EALUQAAIBAwMCBAMFBQQEAAABfQECAwAEEQUSITFB\
    BhNRYQcicRQygZGhCCNCscEVUtHwJDNicoIJChYXGBkaJSYnKCkqNDU2Nzg5OkNERUZHSElKU1RVVldYWVpjZGVmZ2hpanN0dXZ3eHl6g4SFhoeIiYqS\
    k5SVlpeYmZqio6Slpqeoqaqys7S1tre4ubrCw8TFxsfIycrS09TV1tfY2drh4uPk5ebn6Onq8fLz9PX29/j5+v/aAA4EQwBNAFkASwAAPwD826/VyvpS\
    v0Mr/9k=
    """
  /// 8 x 8, one component of 77.
  case grayJPEG = """
    /9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAIBAQEBAQIBAQECAgICAgQDAgICAgUEBAMEBgUGBgYFBgYGBwkIBgcJBwYGCAsICQoKCgoKBggLDAsKDAkK\
    Cgr/wAALCAAIAAgBAREA/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAAAgEDAwIEAwUFBAQAAAF9AQIDAAQRBRIhMUEGE1FhByJx\
    FDKBkaEII0KxwRVS0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6Q0RFRkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJipKTlJWWl5iZ\
    mqKjpKWmp6ipqrKztLW2t7i5usLDxMXGx8jJytLT1NXW19jZ2uHi4+Tl5ufo6erx8vP09fb3+Pn6/9oACAEBAAA/APjOv//Z
    """
  /// 3 x 2 with alpha, `pixels` below.
  case losslessWebP = """
    UklGRkgAAABXRUJQVlA4TDwAAAAvAkAAEC9AmG20Odx7/panISQgdB/8f4kg22YXqb/lCSRttuR78wf8Z3hMlpWgkG0EOHSvwCldRP9jeAE=
    """
  /// 16 x 16, the picture of `progressiveJPEG`.
  case lossyWebP = """
    UklGRmIAAABXRUJQVlA4IFYAAADQAgCdASoQABAAAMASJbACdHMBcoG8AK8AE3ctuVroAP7/q8z9fEFO4Fl3g6pYiGg8DwW7//ZdYx/kLrtN2B90XBe/\
    ygXf/5caUC7//NvygS6V82AAAA==
    """
  /// `losslessWebP` followed by a second frame.
  case animatedWebP = """
    UklGRrYAAABXRUJQVlA4WAoAAAASAAAAAgAAAQAAQU5JTQYAAAAAAAAAAABBTk1GWAAAAAAAAAAAAAIAAAEAAAoAAAJWUDhMQAAAAC8CQAAQL0AQQBJT\
    JptOstIaBNk2wxnJnG9yHIIAkvKaZMBFFhMQFD1negA07+8oVTdQyDYCnNo9ACdzEf2PewVBTk1GKgAAAAAAAAAAAAIAAAEAAAoAAABWUDhMEQAAAC8C\
    QAAAB9CEJjSh/4GI6H8AAA==
    """

  var bytes: [UInt8] { [UInt8](Data(base64Encoded: rawValue) ?? Data()) }

  /// What Pillow 13 reads from `losslessWebP`.
  static let losslessPixels: [UInt8] = [255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 20, 30, 40, 50, 60, 70, 80, 90]
}

extension ImageDecoder {
  static func decode(_ bytes: [UInt8], limits: ImageLimits = ImageLimits()) throws(ImageError) -> RGBImage {
    try bytes.withRawBytes { bytes throws(ImageError) in try decode(bytes, limits: limits) }
  }
}

extension [UInt8] {
  /// `withUnsafeBytes` that keeps the error's type.
  func withRawBytes<Value>(
    _ body: (UnsafeRawBufferPointer) throws(ImageError) -> Value
  ) throws(ImageError) -> Value {
    try withUnsafeBytes { bytes in Result { () throws(ImageError) in try body(bytes) } }.get()
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

  func pixel(_ x: Int, _ y: Int) -> [UInt8] {
    let at = 3 * (y * width + x)
    return Array(pixels[at..<at + 3])
  }
}

/// A JPEG with another size in its header.
func jpeg(_ bytes: [UInt8], claiming width: Int, _ height: Int) -> [UInt8] {
  var bytes = bytes
  var at = 2
  while !(0xC0...0xC2).contains(bytes[at + 1]) { at += 2 + Int(bytes[at + 2]) << 8 + Int(bytes[at + 3]) }
  bytes.replaceSubrange(
    at + 5..<at + 9, with: [UInt8(height >> 8), UInt8(height & 255), UInt8(width >> 8), UInt8(width & 255)])
  return bytes
}
