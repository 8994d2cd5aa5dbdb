// SPDX-License-Identifier: Apache-2.0

/// What a shop writes about an item. An empty text is one that the shop does not give.
///
/// The one type for these texts: catalogs and data sets are read into it, the item store keeps it, and prompts are written
/// from it.
package struct ItemTexts: Sendable, Equatable {
  package var title: String
  package var brand: String
  package var category: String
  package var description: String

  package init(title: String = "", brand: String = "", category: String = "", description: String = "") {
    self.title = title
    self.brand = brand
    self.category = category
    self.description = description
  }
}
