// SPDX-License-Identifier: Apache-2.0

/// A user's vector and what may answer it.
package struct SearchQuery: Sendable {
  /// [dim] of the version that is searched.
  package var vector: [Float]
  /// Items wanted, at least 1. There are fewer only when fewer are eligible.
  package var k: Int
  /// Items that must not be returned. Unknown ones and repeats do no harm.
  package var excludedItems: [String]
  /// When not empty, only these may be returned. Unknown ones and repeats do no harm.
  package var includedItems: [String]
  /// Items in any of these must not be returned. Unknown ones do no harm.
  package var excludedCategories: [String]
  /// When not empty, only items in one of these may be returned. Unknown ones do no harm.
  package var includedCategories: [String]
  package var method: SearchMethod

  package init(
    vector: [Float], k: Int, excludedItems: [String] = [], includedItems: [String] = [],
    excludedCategories: [String] = [], includedCategories: [String] = [],
    method: SearchMethod = .versionDefault
  ) {
    self.method = method
    self.vector = vector
    self.k = k
    self.excludedItems = excludedItems
    self.includedItems = includedItems
    self.excludedCategories = excludedCategories
    self.includedCategories = includedCategories
  }
}

/// An item and its inner product with the query.
package struct ScoredItem: Sendable, Equatable {
  package let itemID: String
  package let score: Float

  package init(itemID: String, score: Float) {
    self.itemID = itemID
    self.score = score
  }
}
