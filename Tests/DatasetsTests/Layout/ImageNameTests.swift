// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

@testable import Datasets

@Suite("An image is found by its name, and by no other that begins like it")
struct ImageNameTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func found(_ names: [String]) throws -> [Int: String] {
    for name in names { try directory.write("x", to: "image/\(name)") }
    return try DatasetLayout(directory.path).imageNames()
  }

  /// Each name is taken while those before it are not there.
  @Test func `The published name comes first, then the extensions in their order`() throws {
    let order = [
      "7.jpg", "7.JPG", "7.jpeg", "7.JPEG", "7.png", "7.Png", "7.webp", "7.gif", "7.heic", "7.jpg?v=3", "7.JPG?v=1&w=2",
      "7.png?x",
    ]
    for name in order.reversed() { #expect(try found([name]) == [7: name]) }
  }

  @Test func `Other files that begin with the number are no image of it`() throws {
    let others = [
      "7.jpg.part", "7.jpg~", "7.orig.jpg", "7_old.jpg", "70.jpg", "7", "7.", "7.txt", "07.jpg", "+7.jpg", "-7.jpg",
      "7 .jpg",
      "7.jpg.tmp?v=3", ".7.jpg", "٧.jpg",
    ]
    #expect(try found(others) == [70: "70.jpg"])
    #expect(try found(["7.JPG"]) == [70: "70.jpg", 7: "7.JPG"])
  }

  @Test func `A link that leads nowhere is no item without an image`() throws {
    _ = try directory.write("x", to: "photos/a.jpg")
    _ = try found(["7.jpg"])
    for (name, target) in [
      ("8.jpg", "photos/a.jpg"), ("9.png", "gone/b.png"), ("10.jpg", "gone/c.jpg"), ("7.png", "gone"),
    ] {
      try FileManager.default.createSymbolicLink(
        atPath: directory.file("image/\(name)"), withDestinationPath: directory.file(target))
    }
    let error = #expect(throws: DatasetError.self) { try DatasetLayout(directory.path).imageNames() }
    #expect(error?.code == .notFound)
    let message = error?.message ?? ""
    #expect(message.contains("image/10.jpg is a link to \(directory.file("gone/c.jpg"))"))
    #expect(message.contains("2 images are such links") && message.contains("--copy-images"))
    for name in ["9.png", "10.jpg"] { try FileManager.default.removeItem(atPath: directory.file("image/\(name)")) }
    #expect(try DatasetLayout(directory.path).imageNames() == [7: "7.jpg", 8: "8.jpg"])
  }

  @Test func `A catalog's image is found in another case and without its query string`() throws {
    let catalog = try directory.write("", to: "items.jsonl")
    for name in ["a.JPG", "b.jpg", "c.jpg?v=3", "images/d.PNG", "images/e.jpg"] { try directory.write("x", to: name) }
    let locator = ImageLocator(directory: nil, catalogFile: catalog)
    func path(_ id: String, _ image: String?, url: String = "") -> String? {
      var item = CatalogItem(id: id, image: image)
      item.imageURL = url
      return locator.path(of: item).map { String($0.dropFirst(directory.path.count + 1)) }
    }
    #expect(path("1", "a.jpg") == "a.JPG")
    #expect(path("1", "b.JPG?v=3") == "b.jpg")
    #expect(path("1", "c.jpg?v=3") == "c.jpg?v=3")
    #expect(path("1", "b.png") == nil)
    #expect(path("d", nil) == "images/d.PNG")
    #expect(path("1", nil, url: "https://h/p/e.jpg?size=9#top") == "images/e.jpg")
    #expect(path("dd", nil) == nil)
  }
}
