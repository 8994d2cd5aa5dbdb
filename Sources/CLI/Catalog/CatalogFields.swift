import Foundation

/// The named values of one record, under whichever of their names the file uses.
struct CatalogFields {
  static let idNames = ["item_id", "asin"]
  private static let titleNames = ["title"]
  private static let brandNames = ["brand"]
  private static let categoryNames = ["category", "categories", "genres"]
  private static let descriptionNames = ["description"]
  private static let imageNames = ["image"]

  private var values: [String: String] = [:]

  /// - Parameter id: the item's name where it stands outside the object.
  init(json: [String: Any], id: String? = nil) {
    for (name, value) in json { values[name] = Self.text(value, separator: name == "description" ? " " : ", ") }
    if let id { values[Self.idNames[0]] = id }
  }

  init(text: some Sequence<(String, String)>) {
    for (name, value) in text { values[name] = value }
  }

  func first(of names: [String]) -> String? {
    names.lazy.compactMap { values[$0] }.first { !$0.isEmpty }
  }

  func item(id: String, line: Int) -> CatalogItem {
    CatalogItem(
      id: id, title: first(of: Self.titleNames) ?? "", brand: first(of: Self.brandNames) ?? "",
      category: first(of: Self.categoryNames) ?? "", description: first(of: Self.descriptionNames) ?? "",
      image: first(of: Self.imageNames), line: line)
  }

  /// A JSON value as text: numbers as they read, lists joined, everything else empty.
  private static func text(_ value: Any, separator: String) -> String {
    switch value {
    case let text as String: return text.trimmingCharacters(in: .whitespacesAndNewlines)
    case let number as NSNumber: return number.stringValue
    case let list as [Any]:
      return list.map { text($0, separator: separator) }.filter { !$0.isEmpty }.joined(separator: separator)
    default: return ""
    }
  }
}
