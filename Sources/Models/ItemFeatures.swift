// SPDX-License-Identifier: Apache-2.0

/// What is known of one item; its vector's block is zero in a space whose feature is nil.
package struct ItemFeatures: Sendable {
  /// The vision tower's embedding [v].
  package var embedding: [Float]?
  /// The collaborative-filtering item embedding.
  package var cf: [Float]?
  /// The sentence embedding of the item's text.
  package var text: [Float]?

  package init(embedding: [Float]? = nil, cf: [Float]? = nil, text: [Float]? = nil) {
    self.embedding = embedding
    self.cf = cf
    self.text = text
  }

  /// The feature that `space` projects.
  package subscript(space: Space) -> [Float]? {
    get {
      switch space {
      case .image: embedding
      case .cf: cf
      case .text: text
      }
    }
    set {
      switch space {
      case .image: embedding = newValue
      case .cf: cf = newValue
      case .text: text = newValue
      }
    }
  }
}
