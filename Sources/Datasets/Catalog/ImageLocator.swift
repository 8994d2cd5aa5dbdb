// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Finds the image file of a catalog item.
package struct ImageLocator: Sendable {
  /// `--images`; nil when not given.
  package let directory: String?
  /// Directory of the catalog file: what its relative paths usually start from.
  let catalogDirectory: String

  package init(directory: String?, catalogFile: String?) {
    self.directory = directory
    catalogDirectory = catalogFile.map(Self.parent) ?? "."
  }

  private static func parent(_ path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  /// The first of these that exists: the path in the item's record seen from the image directory, its last component
  /// there, the path seen from the catalog's directory; without such a path `<item id>` with a usual extension, and the
  /// last component of the image's URL.
  package func path(of item: CatalogItem) -> String? { candidates(of: item).first(where: Self.isFile) }

  /// Where the image was looked for first: what an error should name.
  package func expectedPath(of item: CatalogItem) -> String { candidates(of: item)[0] }

  private func candidates(of item: CatalogItem) -> [String] {
    if let image = item.image {
      if image.hasPrefix("/") { return [image] }
      let fromCatalog = catalogDirectory + "/" + image
      guard let directory else { return [fromCatalog] }
      return [directory + "/" + image, directory + "/" + Self.lastComponent(image), fromCatalog]
    }
    let base = directory ?? catalogDirectory + "/images"
    let byID = ["jpg", "jpeg", "png", "webp"].map { "\(base)/\(item.id).\($0)" }
    let byURL = Self.lastComponent(item.imageURL)
    return byURL.isEmpty ? byID : byID + ["\(base)/\(byURL)"]
  }

  private static func lastComponent(_ path: String) -> String {
    path.split(separator: "/").last.map(String.init) ?? path
  }

  private static func isFile(_ path: String) -> Bool {
    var information = stat()
    return stat(path, &information) == 0 && information.st_mode & S_IFMT != S_IFDIR
  }
}
