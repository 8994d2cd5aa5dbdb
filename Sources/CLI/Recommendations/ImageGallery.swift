// SPDX-License-Identifier: Apache-2.0

import Basics
import Datasets
import Foundation

/// The images of a catalog's items, for pages that carry them within.
struct ImageGallery: Sendable {
  private let locator: ImageLocator
  private let items: [Identifier: CatalogItem]

  /// - Parameters:
  ///   - directory: of the images; the catalog's own when nil.
  ///   - catalogFile: says which image belongs to which item; without it `<item id>.jpg` (.png, .webp) does.
  init(directory: String?, catalogFile: String?) throws {
    if let directory { try InputFile.requireDirectory(directory, what: "--images") }
    locator = ImageLocator(directory: directory, catalogFile: catalogFile)
    let catalog = try catalogFile.map { try CatalogReader.read($0).items } ?? []
    items = Dictionary(catalog.map { (Identifier($0.id), $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// The item's image as a data URI; nil when there is none to be read.
  func dataURI(of itemID: String) -> String? {
    guard let path = locator.path(of: items[Identifier(itemID)] ?? CatalogItem(id: itemID)),
      let bytes = try? InputFile.bytes(of: path, what: "an image")
    else { return nil }
    return Self.dataURI(bytes)
  }

  static func dataURI(_ bytes: Data) -> String { "data:\(mediaType(bytes));base64,\(bytes.base64EncodedString())" }

  /// By the file's first bytes.
  private static func mediaType(_ bytes: Data) -> String {
    if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47]) { return "image/png" }
    if bytes.starts(with: Array("RIFF".utf8)) { return "image/webp" }
    return "image/jpeg"
  }
}
