import Foundation

/// Finds the image file of a catalog item.
struct ImageLocator: Sendable {
  /// `--images`; nil when not given.
  let directory: String?
  /// Directory of the catalog file: what its relative paths usually start from.
  let catalogDirectory: String

  init(directory: String?, catalogFile: String?) {
    self.directory = directory
    catalogDirectory = catalogFile.map { URL(fileURLWithPath: $0).deletingLastPathComponent().path } ?? "."
  }

  /// The first of these that exists: the path in the item's record seen from the image directory, its last component
  /// there, the path seen from the catalog's directory; without such a path `<item id>` with a usual extension.
  func path(of item: CatalogItem) -> String? {
    candidates(of: item).first { FileManager.default.fileExists(atPath: $0) && !InputFile.isDirectory($0) }
  }

  /// Where the image was looked for first: what an error should name.
  func expectedPath(of item: CatalogItem) -> String { candidates(of: item)[0] }

  private func candidates(of item: CatalogItem) -> [String] {
    if let image = item.image {
      if image.hasPrefix("/") { return [image] }
      let fromCatalog = catalogDirectory + "/" + image
      guard let directory else { return [fromCatalog] }
      let name = image.split(separator: "/").last.map(String.init) ?? image
      return [directory + "/" + image, directory + "/" + name, fromCatalog]
    }
    let base = directory ?? catalogDirectory + "/images"
    return ["jpg", "jpeg", "png", "webp"].map { "\(base)/\(item.id).\($0)" }
  }
}
