// SPDX-License-Identifier: Apache-2.0

package import Datasets

/// Every user gets the items that most training sequences have.
package struct Popularity: RankingMethod {
  package let name = "popularity"
  /// For each item, the training sequences that hold it.
  package let counts: [Int]

  package init(dataset: Dataset) {
    var counts = [Int](repeating: 0, count: dataset.items.count)
    for user in dataset.users {
      for item in Set(user.trainingItems) { counts[item] += 1 }
    }
    self.counts = counts
  }

  package func scores(of queries: [RankingQuery]) -> [[Float]] {
    queries.map { $0.candidates.map { Float(counts[$0]) } }
  }
}
