/// What a prompt may tell of an item in words. An empty text is one that its source does not have.
package struct ItemWords: Sendable, Equatable {
  package var title: String
  package var brand: String
  package var category: String
  package var description: String

  package init(title: String, brand: String = "", category: String = "", description: String = "") {
    self.title = title
    self.brand = brand
    self.category = category
    self.description = description
  }

  /// Words of a description that are read: with its other texts an item then takes about 160 tokens of LLaMA's.
  package static let descriptionWords = 100
  /// Characters that are read of them, so that a text without spaces ends too.
  package static let descriptionCharacters = 800

  /// The beginning of the description, white space between its words made single spaces.
  var shortDescription: String {
    let words = description.split(whereSeparator: \.isWhitespace).prefix(Self.descriptionWords)
    return String(words.joined(separator: " ").prefix(Self.descriptionCharacters))
  }
}
