/// One item of a catalog file.
struct CatalogItem: Sendable, Equatable {
  var id: String
  var title = ""
  var brand = ""
  var category = ""
  var description = ""
  /// Path of the image as the file gives it; nil where it gives none.
  var image: String?
  /// Line of the file on which the item begins, counted from 1; 0 for formats without lines.
  var line = 0
}

/// A record that holds no usable item.
struct CatalogProblem: Sendable, Equatable {
  /// "items.jsonl:17"
  let place: String
  /// The item's name where it could be read.
  let itemID: String
  let message: String
}

/// What a catalog file holds.
struct Catalog: Sendable {
  /// The file's path, for messages.
  var file = ""
  var items: [CatalogItem] = []
  var problems: [CatalogProblem] = []
}
