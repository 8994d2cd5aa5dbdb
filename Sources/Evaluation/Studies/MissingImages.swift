// SPDX-License-Identifier: Apache-2.0

import Datasets
package import Models

/// A catalog in which a share of the images is lost. Such an item is in no prompt that shows images and has no place in the
/// image space; its other spaces rank it.
package struct MissingImages: Sendable {
  /// Items that have an image.
  private let shown: [Int]

  package init(_ features: [ItemFeatures]) { shown = features.indices.filter { features[$0].embedding != nil } }

  /// round(share · items with an image) of the items that have one. What is lost at a share is lost at every larger one.
  package func lost(share: Double, seed: UInt64) -> Set<Int> {
    precondition((0...1).contains(share), "a share")
    var order = shown
    var random = SplitMix64(state: seed)
    random.shuffle(&order)
    return Set(order.prefix(Int((share * Double(shown.count)).rounded())))
  }
}
