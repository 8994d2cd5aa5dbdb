// SPDX-License-Identifier: Apache-2.0

import Datasets
import Foundation
import Items

/// What a sentence encoder reads of an item: every field that there is, named, in one line.
///
///     Title: <title>. Brand: <brand>. Category: <category>. Feature: <feature>. Detailed description: <description>.
///
/// The published code's `preprocess_textual_feature.py` decides the wording: of the features the first without a tag, a
/// description only without one, dots and white space at both ends made a single dot at the last.
enum ItemText {
  static func of(_ item: Dataset.Item) -> String {
    var parts = [("Title", item.texts.title), ("Brand", item.texts.brand), ("Category", item.texts.category)]
    parts.append(("Feature", item.features.first { !hasTag($0) } ?? ""))
    var text = parts.filter { !$0.1.isEmpty }.map { "\($0.0): \($0.1). " }.joined()
    if !item.texts.description.isEmpty, !hasTag(item.texts.description) {
      text += "Detailed description: \(item.texts.description)."
    }
    let trimmed = text.trimmingCharacters(in: .whitespacesAndNewlines)
    return trimmed.trimmingCharacters(in: CharacterSet(charactersIn: ".")) + "."
  }

  /// Scraped pages leave their markup in some fields.
  private static func hasTag(_ text: String) -> Bool { text.contains("<span") || text.contains("<br>") }
}
