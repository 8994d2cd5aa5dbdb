// SPDX-License-Identifier: Apache-2.0

package import Items

/// Users' sequences over a catalog, after filtering. Items and users are numbered from 0.
package struct Dataset: Sendable, Equatable {
  package var items: [Item]
  package var users: [User]

  package init(items: [Item], users: [User]) {
    self.items = items
    self.users = users
  }

  /// What is known of an item.
  package struct Item: Sendable, Equatable {
    /// What the source calls it.
    package var id: String
    package var texts = ItemTexts()
    /// What the product page lists beside the description.
    package var features: [String] = []
    package var price = ""
    /// Where the source had the image from.
    package var imageURL = ""
    /// Path of the image's file; nil for an item without one.
    package var image: String?

    package init(id: String) { self.id = id }
  }

  /// One user's interactions in time order, oldest first.
  package struct User: Sendable, Equatable {
    /// What the source calls it.
    package var id: String
    /// Indices into `items`; the last is the test item, the last but one the validation item, the others are trained on.
    package var items: [Int]
    /// Items the user never met, ranked beside the target; empty until they are sampled.
    package var negatives: [Int]

    package init(id: String, items: [Int], negatives: [Int] = []) {
      self.id = id
      self.items = items
      self.negatives = negatives
    }
  }
}

extension Dataset {
  /// Items that are in no training sequence, as numbers.
  package var unmetItems: Set<Int> { Set(items.indices).subtracting(users.flatMap(\.trainingItems)) }
}

extension Dataset.User {
  /// Leave-one-out: the part of the sequence that a model may learn from.
  package var trainingItems: ArraySlice<Int> { items.dropLast(2) }
}

/// The two items that leave-one-out holds back.
package enum HeldOutItem: String, Sendable, CaseIterable {
  /// The last but one; models are chosen by it.
  case validation
  /// The last; it is ranked once, at the end.
  case test
}

extension Dataset.User {
  /// The item to be ranked, and the items before it; nil when the sequence is too short for both.
  package func target(_ part: HeldOutItem) -> (history: ArraySlice<Int>, item: Int)? {
    let history = items.dropLast(part == .test ? 1 : 2)
    guard history.count < items.count, !history.isEmpty else { return nil }
    return (history, items[history.endIndex])
  }
}
