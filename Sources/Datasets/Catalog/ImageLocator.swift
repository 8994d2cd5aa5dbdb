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
  /// there, the path seen from the catalog's directory; without such a path `<item id>` with an extension of
  /// ``ImageNames``, and the last component of the image's URL. Each as it stands, without the query string of a URL, and with
  /// its extension in the other case.
  package func path(of item: CatalogItem) -> String? { candidates(of: item).first(where: Self.isFile) }

  /// Where the image was looked for first: what an error should name.
  package func expectedPath(of item: CatalogItem) -> String { candidates(of: item)[0] }

  private func candidates(of item: CatalogItem) -> [String] {
    if let image = item.image {
      return places(of: image).flatMap(ImageNames.spellings)
    }
    let base = directory ?? catalogDirectory + "/images"
    let byID = ImageNames.candidates(stem: "\(base)/\(item.id)")
    let byURL = Self.lastComponent(item.imageURL)
    return byURL.isEmpty ? byID : byID + ImageNames.spellings(of: "\(base)/\(byURL)")
  }

  private func places(of image: String) -> [String] {
    if image.hasPrefix("/") { return [image] }
    let fromCatalog = catalogDirectory + "/" + image
    guard let directory else { return [fromCatalog] }
    return [directory + "/" + image, directory + "/" + Self.lastComponent(image), fromCatalog]
  }

  private static func lastComponent(_ path: String) -> String {
    path.split(separator: "/").last.map(String.init) ?? path
  }

  private static func isFile(_ path: String) -> Bool {
    var information = stat()
    return stat(path, &information) == 0 && information.st_mode & S_IFMT != S_IFDIR
  }
}
