package import Datasets
package import Models

/// The items that a run trains on, with what is known of each in each space.
package struct TrainingItems: Sendable {
  package let items: [Dataset.Item]
  /// Image embeddings; an item without one is in no prompt.
  package let images: FeatureTable
  /// Of the spaces in use, with the image embeddings when their space is.
  package let features: [Space: FeatureTable]

  /// - Precondition: every table has a row for each item.
  package init(items: [Dataset.Item], images: FeatureTable, others: [Space: FeatureTable], spaces: [Space]) {
    precondition(images.count == items.count && others.values.allSatisfy { $0.count == items.count })
    self.items = items
    self.images = images
    features = others.merging([.image: images]) { $1 }.filter { spaces.contains($0.key) }
  }

  /// Of the items, those that prompts can show.
  package func shown(_ history: some Sequence<Int>) -> [Int] { history.filter { images[$0] != nil } }

  package func hasFeature(_ item: Int) -> Bool { features.values.contains { $0[item] != nil } }
}
