// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

@testable import CLI

@Suite("Images of a page come from the images' directory")
struct ImageGalleryTests {
  private static let jpeg = Data([0xFF, 0xD8, 0xFF, 0xE0])

  /// images/ with in.jpg and text.jpg, secret.jpg beside it, and a catalog whose item "a" has the image.
  private static func gallery(_ image: String, in directory: String, isBeside: Bool = false) throws -> ImageGallery {
    let images = directory + "/images"
    try FileManager.default.createDirectory(atPath: images, withIntermediateDirectories: true)
    for path in ["/images/in.jpg", "/secret.jpg"] { try jpeg.write(to: URL(fileURLWithPath: directory + path)) }
    try Data("root:x:0:0".utf8).write(to: URL(fileURLWithPath: images + "/text.jpg"))
    for (link, target) in [("out", directory + "/secret.jpg"), ("within", images + "/in.jpg")] {
      try? FileManager.default.createSymbolicLink(atPath: "\(images)/\(link).jpg", withDestinationPath: target)
    }
    try? FileManager.default.createSymbolicLink(atPath: images + "/up", withDestinationPath: directory)
    // A directory whose name begins with that of the images.
    try FileManager.default.createDirectory(atPath: directory + "/images2", withIntermediateDirectories: true)
    try jpeg.write(to: URL(fileURLWithPath: directory + "/images2/in.jpg"))
    let record = try JSONSerialization.data(withJSONObject: ["item_id": "a", "image": image])
    try record.write(to: URL(fileURLWithPath: directory + "/items.jsonl"))
    return try ImageGallery(directory: isBeside ? nil : images, catalogFile: directory + "/items.jsonl")
  }

  @Test(arguments: ["in.jpg", "./in.jpg", "../images/in.jpg", "within.jpg", "up/images/in.jpg"])
  func `What lies there is shown, by whatever path`(image: String) throws {
    let directory = try TemporaryDirectory()
    #expect(try Self.gallery(image, in: directory.path).dataURI(of: "a") == "data:image/jpeg;base64,/9j/4A==")
  }

  @Test(arguments: ["../secret.jpg", "out.jpg", "up/secret.jpg", "../images2/in.jpg", "/etc/hostname"])
  func `What does not is refused with its item's name and the remedy`(image: String) throws {
    let directory = try TemporaryDirectory()
    let gallery = try Self.gallery(image, in: directory.path)
    #expect {
      try gallery.dataURI(of: "a")
    } throws: {
      let message = ($0 as? CLIError)?.message ?? ""
      return message.contains("item \"a\"") && message.contains(image) && message.contains("--images")
    }
  }

  @Test
  func `Without a directory of images it is the catalog's that none may leave`() throws {
    let directory = try TemporaryDirectory()
    #expect(try Self.gallery("images/in.jpg", in: directory.path, isBeside: true).dataURI(of: "a") != nil)
    let gallery = try Self.gallery("/etc/hostname", in: directory.path, isBeside: true)
    #expect(throws: CLIError.self) { try gallery.dataURI(of: "a") }
  }

  @Test
  func `A file that is no image is refused, and a missing one is none`() throws {
    let directory = try TemporaryDirectory()
    let gallery = try Self.gallery("text.jpg", in: directory.path)
    #expect {
      try gallery.dataURI(of: "a")
    } throws: {
      ($0 as? CLIError)?.message.contains("no JPEG, PNG or WebP file") ?? false
    }
    #expect(try gallery.dataURI(of: "nobody") == nil)
    // Without a record the id is the file's name.
    #expect(throws: CLIError.self) { try gallery.dataURI(of: "../secret") }
  }
}
