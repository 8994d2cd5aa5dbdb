// SPDX-License-Identifier: Apache-2.0

package import Datasets
import Items

/// What the LLM is asked about the next item.
package enum Attribute: String, Sendable, CaseIterable, Codable {
  case title
  case feature
  case brand
  case category

  /// What an item has of it; nil when its source says nothing.
  package func value(of item: Dataset.Item) -> String? {
    let text =
      switch self {
      case .title: item.texts.title
      case .feature: item.features.isEmpty ? item.texts.description : item.features.joined(separator: " ")
      case .brand: item.texts.brand
      case .category: item.texts.category
      }
    return text.isEmpty ? nil : text
  }
}
