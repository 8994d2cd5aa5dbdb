package import Datasets

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
      case .title: item.title
      case .feature: item.features.isEmpty ? item.description : item.features.joined(separator: " ")
      case .brand: item.brand
      case .category: item.category
      }
    return text.isEmpty ? nil : text
  }
}
