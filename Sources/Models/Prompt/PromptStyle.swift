// SPDX-License-Identifier: Apache-2.0

/// How a history is told to the LLM. A checkpoint reads the style that it was trained with.
package enum PromptStyle: String, Sendable, CaseIterable {
  /// The published template: each item's title and soft token.
  case image
  /// Each item's soft token and nothing else, `<s>` and [REC] aside.
  case compact
  /// The published template's frame around each item's title, brand and category.
  case attributes
  /// As `attributes`, with each item's description.
  case descriptions
  /// As `image`, with each item's description.
  case imageDescriptions = "image-descriptions"

  /// Whether items are told by soft tokens. An item without an image has no place in such a prompt; in the others every
  /// item has one.
  package var showsImages: Bool {
    switch self {
    case .image, .compact, .imageDescriptions: true
    case .attributes, .descriptions: false
    }
  }

  /// Whether a title and an image are all that is told of an item.
  package var readsTitlesAlone: Bool {
    switch self {
    case .image, .compact: true
    case .attributes, .descriptions, .imageDescriptions: false
    }
  }
}
