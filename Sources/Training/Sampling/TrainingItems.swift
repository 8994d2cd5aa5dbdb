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
  /// What soft tokens are made of: the image embeddings as published, or several features one after the other, NaN where an item
  /// lacks one.
  package let tokens: FeatureTable
  /// That they are.
  package let tokenFeatures: [Space]
  /// Of the spaces in use, with the image embeddings when their space is.
  package let features: [Space: FeatureTable]
  /// How prompts and questions tell of the items.
  package let promptStyle: PromptStyle
  /// What they may tell in words.
  let texts: [ItemTexts]

  /// - Precondition: every table has a row for each item, and there is one for each of `tokenFeatures`.
  package init(
    items: [Dataset.Item], images: FeatureTable, others: [Space: FeatureTable], spaces: [Space],
    promptStyle: PromptStyle = .image, tokenFeatures: [Space] = [.image]
  ) {
    precondition(images.count == items.count && others.values.allSatisfy { $0.count == items.count })
    self.items = items
    self.images = images
    self.promptStyle = promptStyle
    self.tokenFeatures = tokenFeatures.sorted()
    let all = others.merging([.image: images]) { $1 }
    let tables = self.tokenFeatures.compactMap { all[$0] }
    precondition(tables.count == tokenFeatures.count, "features for every part of the soft tokens")
    tokens = tables.count == 1 ? tables[0] : FeatureTable(concatenating: tables)
    features = all.filter { spaces.contains($0.key) }
    texts = items.map(\.texts)
  }

  /// Whether prompts can tell of an item: those that show images have no place for one without, or without any of the features that
  /// soft tokens are made of.
  package func isShown(_ item: Int) -> Bool { !promptStyle.showsImages || tokens[item] != nil }

  /// Of the items, those that prompts can tell of.
  package func shown(_ history: some Sequence<Int>) -> [Int] { history.filter(isShown) }

  package func hasFeature(_ item: Int) -> Bool { features.values.contains { $0[item] != nil } }
}
