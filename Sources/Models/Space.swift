// SPDX-License-Identifier: Apache-2.0

/// One of the spaces in which users meet items. The raw order is the order of the blocks in item and user vectors.
package enum Space: Int, CaseIterable, Comparable, Sendable {
  /// From the image embedding.
  case image
  /// From a collaborative-filtering (SASRec) item embedding.
  case cf
  /// From a sentence embedding of the item's text.
  case text

  /// What the published checkpoints call it: `f_i_<name>`, `f_u_<name>`.
  package var checkpointName: String {
    switch self {
    case .image: "img"
    case .cf: "cf"
    case .text: "text"
    }
  }

  /// By either of its names: image or img, cf, text.
  package init?(named name: some StringProtocol) {
    guard let space = Self.allCases.first(where: { name == "\($0)" || name == $0.checkpointName }) else { return nil }
    self = space
  }

  package static func < (left: Space, right: Space) -> Bool { left.rawValue < right.rawValue }
}

extension Space {
  /// `spaces` in block order. Throws when one is named twice or none is named.
  static func blockOrder(_ spaces: [Space]) throws(ModelError) -> [Space] {
    guard !spaces.isEmpty else {
      throw ModelError(.invalidInput, "no space is in use; name at least one of image, cf and text")
    }
    guard Set(spaces).count == spaces.count else {
      throw ModelError(.invalidInput, "a space is named twice in \(spaces.map(\.checkpointName)); name each once")
    }
    return spaces.sorted()
  }
}
