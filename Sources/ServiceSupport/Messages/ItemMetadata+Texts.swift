// SPDX-License-Identifier: Apache-2.0

package import Items
package import ServiceAPI

extension Encoder_ItemMetadata {
  package init(_ texts: ItemTexts) {
    self.init()
    title = texts.title
    brand = texts.brand
    category = texts.category
    description_p = texts.description
  }

  package var texts: ItemTexts {
    ItemTexts(title: title, brand: brand, category: category, description: description_p)
  }
}
