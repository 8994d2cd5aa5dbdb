// SPDX-License-Identifier: Apache-2.0

package import Models

/// What a SASRec has learned.
package struct SASRecWeights: Sendable {
  package typealias Tensor = SafetensorsWriter.Tensor

  package let settings: SASRecSettings
  /// N.
  package let items: Int
  /// In the order of `shapes(_:items:)`.
  package let tensors: [Tensor]

  init(settings: SASRecSettings, items: Int, tensors: [Tensor]) {
    self.settings = settings
    self.items = items
    self.tensors = tensors
  }

  /// One row per item, in the dataset's order: what the cf space is projected from. [N, D]
  package var itemEmbeddings: Matrix {
    Matrix(rows: items, columns: settings.width, values: tensors[0].values)
  }

  /// The embeddings as features, [N, D]: NaN for items that nobody met, of which a SASRec has learned at most that they are never
  /// right.
  package func features(unmet: Set<Int>) -> Matrix {
    let width = settings.width
    var values = tensors[0].values
    for item in unmet {
      values.replaceSubrange(item * width..<(item + 1) * width, with: repeatElement(.nan, count: width))
    }
    return Matrix(rows: items, columns: width, values: values)
  }

  /// Every tensor's name and shape.
  static func shapes(_ settings: SASRecSettings, items: Int) -> [(name: String, shape: [Int])] {
    let width = settings.width
    func layer(_ name: String, _ weight: [Int]) -> [(name: String, shape: [Int])] {
      [(name + ".weight", weight), (name + ".bias", [width])]
    }
    let blocks = (0..<settings.blocks).flatMap { block in
      ["attention_norm", "query", "key", "value", "feed_forward_norm", "inner", "outer"].flatMap { part in
        layer("blocks.\(block).\(part)", part.hasSuffix("norm") ? [width] : [width, width])
      }
    }
    return [("item_emb.weight", [items, width]), ("pos_emb.weight", [settings.length, width])] + blocks
      + layer("last_norm", [width])
  }
}
