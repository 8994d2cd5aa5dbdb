// SPDX-License-Identifier: Apache-2.0

import Basics
import Datasets
import Foundation

/// The images of a catalog's items, for pages that carry them within.
///
/// A page is passed on, and a catalog is written by others: no file outside the images' directory gets into a page, whatever path
/// or link the catalog names, and nothing that is no image.
struct ImageGallery: Sendable {
  private let locator: ImageLocator
  private let items: [Identifier: CatalogItem]
  /// Real path of the directory that every image is in, a slash at its end.
  private let root: String

  /// - Parameters:
  ///   - directory: of the images; the catalog's own when nil.
  ///   - catalogFile: says which image belongs to which item; without it `<item id>.jpg` (.png, .webp) does.
  init(directory: String?, catalogFile: String?) throws {
    if let directory { try InputFile.requireDirectory(directory, what: "--images") }
    locator = ImageLocator(directory: directory, catalogFile: catalogFile)
    let catalog = try catalogFile.map { try CatalogReader.read($0).items } ?? []
    items = Dictionary(catalog.map { (Identifier($0.id), $0) }, uniquingKeysWith: { first, _ in first })
    let beside = catalogFile.map { URL(fileURLWithPath: $0).deletingLastPathComponent().path } ?? "."
    let place = try Self.realPath(of: directory ?? beside)
    root = place.hasSuffix("/") ? place : place + "/"
  }

  /// The item's image as a data URI; nil when there is none to be read.
  func dataURI(of itemID: String) throws(CLIError) -> String? {
    guard let path = locator.path(of: items[Identifier(itemID)] ?? CatalogItem(id: itemID)) else { return nil }
    let real = try Self.realPath(of: path)
    let image = "the image of item \"\(VisibleText.of(itemID))\", \(VisibleText.of(path)),"
    guard real.utf8.starts(with: root.utf8) else {
      throw CLIError(
        .invalidInput,
        "\(image) is not in \(root), links resolved: a page holds no files from elsewhere; name the directory that holds "
          + "all images by --images, or correct the catalog")
    }
    guard let bytes = try? InputFile.bytes(of: real, what: "an image") else { return nil }
    guard let uri = Self.dataURI(bytes) else {
      throw CLIError(.invalidInput, "\(image) is no JPEG, PNG or WebP file; correct the catalog")
    }
    return uri
  }

  /// Nil for what is no image.
  static func dataURI(_ bytes: Data) -> String? {
    mediaType(bytes).map { "data:\($0);base64,\(bytes.base64EncodedString())" }
  }

  /// By the file's first bytes.
  private static func mediaType(_ bytes: Data) -> String? {
    if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47]) { return "image/png" }
    if bytes.starts(with: Array("RIFF".utf8)), bytes.dropFirst(8).starts(with: Array("WEBP".utf8)) {
      return "image/webp"
    }
    return bytes.starts(with: [0xFF, 0xD8, 0xFF]) ? "image/jpeg" : nil
  }

  /// Without links and dots.
  private static func realPath(of path: String) throws(CLIError) -> String {
    guard let resolved = realpath(path, nil) else {
      throw CLIError(.fileAccess, "\(VisibleText.of(path)): cannot be found: \(String(cString: strerror(errno)))")
    }
    defer { free(resolved) }
    return String(cString: resolved)
  }
}
