// SPDX-License-Identifier: Apache-2.0

package import Items

extension ItemTexts {
  /// Words of a description that a prompt tells: with its other texts an item then takes about 160 tokens of LLaMA's.
  package static let descriptionWords = 100
  /// Characters that a prompt tells of them, so that a text without spaces ends too.
  package static let descriptionCharacters = 800

  /// The beginning of the description, with the white space between its words made single spaces.
  var shortDescription: String { Self.beginning(of: description) }

  /// The title, cut in the same way: one line.
  package var shortTitle: String { Self.beginning(of: title) }

  private static func beginning(of text: String) -> String {
    let words = text.split(whereSeparator: \.isWhitespace).prefix(descriptionWords)
    return String(words.joined(separator: " ").prefix(descriptionCharacters))
  }
}
