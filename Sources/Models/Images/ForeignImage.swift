// SPDX-License-Identifier: Apache-2.0

import Basics

/// What bytes are that should have been an image file that is decoded.
enum ForeignImage {
  /// The kind, as the object of "The image is …", and what to do; nil for what begins like none of these.
  static func name(_ head: [UInt8]) -> String? {
    if let name = pictures.first(where: { head.starts(with: $0.bytes) })?.name { return name + conversion }
    return brandName(head) ?? textName(head) ?? ForeignContent.name(head)
  }

  private static let conversion = ". Convert it to a JPEG, PNG or WebP file."

  /// Of what libheif decodes where it is.
  private static let heifConversion =
    ". Convert it to a JPEG, PNG or WebP file, or install libheif1 and its decoder where images are read, and start again."

  private static let pictures: [(bytes: [UInt8], name: String)] = [
    ([0, 0, 0, 12, 0x6A, 0x50, 0x20, 0x20], "a JPEG 2000"), ([0xFF, 0x4F, 0xFF, 0x51], "a JPEG 2000"),
    ([0, 0, 0, 12, 0x4A, 0x58, 0x4C, 0x20], "a JPEG XL"), ([0xFF, 0x0A], "a JPEG XL"),
    // A TGA without a colour map has zeros where a cursor has the number of its images.
    ([0, 0, 2, 0, 0, 0, 0, 0], "a TGA"), ([0, 0, 10, 0, 0, 0, 0, 0], "a TGA"), ([0, 0, 3, 0, 0, 0, 0, 0], "a TGA"),
    ([0, 0, 1, 0], "an icon (ICO)"), ([0, 0, 2, 0], "a cursor (CUR)"), (Array("8BPS".utf8), "a Photoshop file"),
    (Array("P1\n".utf8), "a PBM"), (Array("P2\n".utf8), "a PGM"), (Array("P3\n".utf8), "a PPM"),
    (Array("P4\n".utf8), "a PBM"), (Array("P5\n".utf8), "a PGM"), (Array("P6\n".utf8), "a PPM"),
    (Array("qoif".utf8), "a QOI"), (Array("DDS ".utf8), "a DDS texture"),
  ]

  /// Of the formats whose first box says what they are.
  private static func brandName(_ head: [UInt8]) -> String? {
    guard head.count >= 12, Array(head[4..<8]) == Array("ftyp".utf8) else { return nil }
    switch String(decoding: head[8..<12], as: UTF8.self) {
    case "avif", "avis": return "an AVIF" + heifConversion
    case "heic", "heix", "hevc", "hevx", "heim", "heis", "mif1", "msf1": return "a HEIC (HEIF)" + heifConversion
    default: return "a video or another file of the MP4 family. Send a JPEG, PNG or WebP file."
    }
  }

  private static func textName(_ head: [UInt8]) -> String? {
    let text = String(decoding: head, as: UTF8.self).drop { $0.isWhitespace || $0 == "\u{FEFF}" }
    let lower = text.lowercased()
    if lower.hasPrefix("data:") { return "a data URI, which is text. Send the bytes that its base64 part stands for." }
    if lower.hasPrefix("http://") || lower.hasPrefix("https://") {
      return "a URL. Send the bytes of the file that it leads to."
    }
    if lower.hasPrefix("http/1.") { return "an HTTP response with its header. Send its body." }
    if lower.contains("<svg") { return "an SVG drawing. Render it to a PNG file." }
    // Of a JPEG, a PNG, a WebP and a GIF.
    if ["/9j/", "iVBORw0KGgo", "UklGR", "R0lGOD"].contains(where: text.hasPrefix) {
      return "base64 text. Send the bytes that it stands for."
    }
    return nil
  }
}
