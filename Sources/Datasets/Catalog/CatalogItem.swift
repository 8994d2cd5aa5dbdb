// SPDX-License-Identifier: Apache-2.0

package import Items

/// One item of a catalog file.
package struct CatalogItem: Sendable, Equatable {
  package var id: String
  package var texts: ItemTexts
  package var features: [String] = []
  package var price = ""
  /// Where the shop shows the image.
  package var imageURL = ""
  /// Path of the image as the file gives it; nil where it gives none.
  package var image: String?
  /// Line of the file on which the item begins, counted from 1; 0 for formats without lines.
  package var line: Int

  package init(
    id: String, texts: ItemTexts = ItemTexts(), image: String? = nil, line: Int = 0
  ) {
    self.id = id
    self.texts = texts
    self.image = image
    self.line = line
  }
}

/// A record that holds no usable item.
package struct CatalogProblem: Sendable, Equatable {
  /// "items.jsonl:17"
  package let place: String
  /// The item's name where it could be read.
  package let itemID: String
  package let message: String
}

/// What a catalog file holds.
package struct Catalog: Sendable {
  /// The file's path, for messages.
  package var file: String
  package var items: [CatalogItem] = []
  package var problems: [CatalogProblem] = []

  package init(file: String) { self.file = file }
}

extension Dataset.Item {
  /// - Parameter image: path of the file, where there is one.
  package init(_ item: CatalogItem, image: String?) {
    self.init(id: item.id)
    texts = item.texts
    (features, price, imageURL) = (item.features, item.price, item.imageURL)
    self.image = image
  }
}
