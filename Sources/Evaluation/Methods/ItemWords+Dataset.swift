package import Datasets
package import Models

extension ItemWords {
  /// What prompts may tell of a dataset's item.
  package init(_ item: Dataset.Item) {
    self.init(title: item.title, brand: item.brand, category: item.category, description: item.description)
  }
}
