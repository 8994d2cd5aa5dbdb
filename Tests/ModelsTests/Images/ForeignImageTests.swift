// SPDX-License-Identifier: Apache-2.0

import Models
import Testing

@Suite("What is no image file that is decoded is named for what it is") struct ForeignImageTests {
  private static func bytes(_ text: String) -> [UInt8] { Array(text.utf8) + [UInt8](repeating: 0x41, count: 40) }

  @Test(arguments: [
    (bytes("\0\0\0 ftypavis"), "an AVIF."), (bytes("\0\0\0 ftypmsf1"), "a HEIC (HEIF)."),
    (bytes("\0\0\0 ftypisom"), "a video"),
    (bytes("\0\0\0\u{C}jP  "), "a JPEG 2000."), (bytes("\0\0\u{1}\0"), "an icon"), (bytes("P6\n"), "a PPM."),
    (bytes("/9j/4AAQ"), "base64 text"), (bytes("iVBORw0KGgo"), "base64 text"),
    (bytes("data:image/jpeg;base64,/9j/"), "a data URI"), (bytes("https://example.com/a.jpg"), "a URL"),
    (bytes("<svg xmlns='x'/>"), "an SVG drawing"), (bytes("<?xml version='1.0'?><svg/>"), "an SVG drawing"),
    (bytes(" \n<!DOCTYPE html><html>"), "a web page"),
    (bytes("version https://git-lfs.github.com/spec/v1\n"), "a Git LFS pointer"),
    (bytes("HTTP/1.1 200 OK\r\n"), "an HTTP response"), (bytes("%PDF-1.7"), "a PDF document"),
  ])
  func `Each kind has its name`(bytes: [UInt8], name: String) {
    let error = bytes.withUnsafeBytes { bytes in
      #expect(throws: ImageError.self) { try ImageDecoder.decode(bytes) }
    }
    #expect(error?.code == .formatUnsupported)
    #expect(error?.message.hasPrefix("The image is \(name)") == true, "\(error?.message ?? "")")
  }

  /// Where libheif is installed, it looks at them, and finds nothing but their first bytes.
  @Test(arguments: ["avif", "heic", "mif1"]) func `AVIF and HEIC are named, or libheif's to refuse`(brand: String) {
    let error = Self.bytes("\0\0\0 ftyp\(brand)").withUnsafeBytes { bytes in
      #expect(throws: ImageError.self) { try ImageDecoder.decode(bytes) }
    }
    let message = error?.message ?? ""
    if error?.code == .formatUnsupported {
      #expect(message.hasPrefix(brand == "avif" ? "The image is an AVIF." : "The image is a HEIC (HEIF)."))
      #expect(message.contains("libheif1"))
    } else {
      #expect(error?.code == .corrupt || error?.code == .truncated)
      #expect(message.contains("libheif"))
    }
  }

  @Test func `What begins like nothing known is refused as before`() {
    let error = Self.bytes("nothing").withUnsafeBytes { bytes in
      #expect(throws: ImageError.self) { try ImageDecoder.decode(bytes) }
    }
    #expect(error?.message.contains("begins like no image file that is decoded") == true)
  }
}
