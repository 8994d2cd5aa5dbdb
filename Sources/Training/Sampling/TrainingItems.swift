// SPDX-License-Identifier: Apache-2.0

package import Datasets
import Evaluation
import Items
package import Models

/// The items that a run trains on, with what is known of each in each space.
package struct TrainingItems: Sendable {
  package let items: [Dataset.Item]
  /// Image embeddings.
  package let images: FeatureTable
  /// Of the spaces in use, with the image embeddings when their space is.
  package let features: [Space: FeatureTable]
  /// How prompts and questions tell of the items.
  package let promptStyle: PromptStyle
  /// What they may tell in words.
  let texts: [ItemTexts]

  /// - Precondition: every table has a row for each item.
  package init(
    items: [Dataset.Item], images: FeatureTable, others: [Space: FeatureTable], spaces: [Space],
    promptStyle: PromptStyle = .image
  ) {
    precondition(images.count == items.count && others.values.allSatisfy { $0.count == items.count })
    self.items = items
    self.images = images
    self.promptStyle = promptStyle
    features = others.merging([.image: images]) { $1 }.filter { spaces.contains($0.key) }
    texts = items.map(\.texts)
  }

  /// Whether prompts can tell of an item: those that show images have no place for one without.
  package func isShown(_ item: Int) -> Bool { !promptStyle.showsImages || images[item] != nil }

  /// Of the items, those that prompts can tell of.
  package func shown(_ history: some Sequence<Int>) -> [Int] { history.filter(isShown) }

  package func hasFeature(_ item: Int) -> Bool { features.values.contains { $0[item] != nil } }
}
