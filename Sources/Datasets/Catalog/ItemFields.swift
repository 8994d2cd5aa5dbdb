// SPDX-License-Identifier: Apache-2.0

import Items

/// What a record says of an item, under whichever names the source uses, each value as its pieces of text.
struct ItemFields {
  private var values: [String: [String]] = [:]

  /// - Parameter isExact: whether texts are taken as the published code takes them, with the white space around them and with
  ///   empty pieces of lists; else they are cut, and empty pieces left out.
  init(reading cursor: inout JSONCursor, isExact: Bool = false) throws {
    var values: [String: [String]] = [:]
    try cursor.readObject { name, cursor in
      if Self.idNames.contains(name) {
        values[name] = [try cursor.readName()].compactMap(\.self)
      } else if name == Self.images {
        values[name] = try AmazonImages.urls(&cursor)
      } else if Self.known.contains(name) {
        values[name] = isExact ? try cursor.readExactTexts() : try cursor.readTexts()
      } else {
        try cursor.skip()
      }
    }
    self.values = values
  }

  init(cells: some Sequence<(String, String)>) {
    for (name, cell) in cells where Self.known.contains(name) {
      let value = Self.idNames.contains(name) ? ItemName.canonical(cell) : cell.trimmingSpaces()
      if !value.isEmpty { values[name] = [value] }
    }
  }

  /// Amazon's reviews of 2023 are of variants (`asin`), and its metadata of what they are variants of (`parent_asin`).
  static let idNames = ["item_id", "asin", "parent_asin"]
  private static let categoryNames = ["category", "categories", "genres"]
  private static let imageURLNames = ["imURL", "imUrl", "imageURLHighRes", "imageURL", images]
  private static let images = "images"
  private static let brandNames = ["brand", "store"]
  private static let featureNames = ["feature", "features"]
  private static let known = Set(
    idNames + categoryNames + imageURLNames + brandNames + featureNames + ["title", "description", "price", "image"])

  /// How a list of texts becomes one.
  enum Lists {
    /// Catalogs: all of it, such as every genre of a film.
    case joined
    /// The published code's reading of Amazon's records: the first category and the first description.
    case first
  }

  /// In the spelling of ``ItemName``, with the spaces around it: ids are bytes.
  var id: String? { pieces(Self.idNames).first }

  /// Whether the source names images, if only by an empty piece of a list.
  var hasImageURL: Bool { !pieces(Self.imageURLNames).isEmpty || imageIsURL }

  /// Some of Amazon's files have the URLs where catalogs have a path.
  private var imageIsURL: Bool {
    pieces(["image"]).first.map { $0.hasPrefix("http://") || $0.hasPrefix("https://") } ?? false
  }

  func item(id: String, line: Int, lists: Lists = .joined) -> CatalogItem {
    var item = CatalogItem(
      id: id,
      texts: ItemTexts(
        title: pieces(["title"]).joined(separator: ", "), brand: pieces(Self.brandNames).joined(separator: ", "),
        category: text(Self.categoryNames, lists, separator: ", "),
        description: text(["description"], lists, separator: " ")),
      image: pieces(["image"]).first, line: line)
    item.features = pieces(Self.featureNames)
    item.price = pieces(["price"]).first ?? ""
    item.imageURL = pieces(Self.imageURLNames).first ?? ""
    if case .first = lists, imageIsURL {
      (item.imageURL, item.image) = (item.imageURL.isEmpty ? item.image ?? "" : item.imageURL, nil)
    }
    return item
  }

  private func text(_ names: [String], _ lists: Lists, separator: String) -> String {
    switch lists {
    case .joined: pieces(names).joined(separator: separator)
    case .first: pieces(names).first ?? ""
    }
  }

  private func pieces(_ names: [String]) -> [String] {
    names.lazy.compactMap { values[$0] }.first { !$0.isEmpty } ?? []
  }
}
