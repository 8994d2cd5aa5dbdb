// SPDX-License-Identifier: Apache-2.0

package import Datasets

/// Items are like each other when the same users meet them; a user gets what is like the items met last.
///
///     similarity(i, j) = |users of both| / (sqrt(|users of i|) sqrt(|users of j|) + shrinkage)
///     score(user, i)   = sum of similarity(i, j) over the j of the user's history that are among i's nearest neighbours
///
/// Users are those of the training sequences, and each counts once. The shrinkage takes from items that few have met.
///
/// - Source: Deshpande & Karypis 2004, sections 4.1 and 4.2; shrinkage: Bell & Koren 2007.
package struct ItemNeighbours: RankingMethod {
  package struct Settings: Sendable, Equatable {
    /// Nearest neighbours of an item that count.
    package var neighbours = 200
    /// Added to the denominator, in users.
    package var shrinkage: Float = 0
    /// Newest items of a history that count.
    package var historyItems = 10

    package init() {}
  }

  package let name = "item-knn"
  package let settings: Settings
  /// An item's neighbours are the elements [starts[item], starts[item + 1]) of the next two, the nearest first.
  private let starts: [Int]
  private let neighbours: [Int32]
  private let similarities: [Float]

  /// - Complexity: O(sum over the users of their items squared) time, O(items · neighbours) memory.
  package init(dataset: Dataset, settings: Settings = Settings()) {
    let itemsOfUsers = dataset.users.map { Set($0.trainingItems).sorted() }
    var usersOfItems = [[Int]](repeating: [], count: dataset.items.count)
    for (user, items) in itemsOfUsers.enumerated() {
      for item in items { usersOfItems[item].append(user) }
    }
    var shared = [Int32](repeating: 0, count: dataset.items.count)
    var starts = [0]
    var neighbours: [Int32] = []
    var similarities: [Float] = []
    for item in usersOfItems.indices {
      var met: [Int] = []
      for user in usersOfItems[item] {
        for other in itemsOfUsers[user] {
          if shared[other] == 0 { met.append(other) }
          shared[other] += 1
        }
      }
      let root = Float(usersOfItems[item].count).squareRoot()
      var found: [(item: Int, similarity: Float)] = []
      for other in met where other != item {
        let bound = root * Float(usersOfItems[other].count).squareRoot() + settings.shrinkage
        found.append((other, Float(shared[other]) / bound))
      }
      for other in met { shared[other] = 0 }
      found.sort { $0.similarity == $1.similarity ? $0.item < $1.item : $0.similarity > $1.similarity }
      for neighbour in found.prefix(settings.neighbours) {
        neighbours.append(Int32(neighbour.item))
        similarities.append(neighbour.similarity)
      }
      starts.append(neighbours.count)
    }
    self.settings = settings
    self.starts = starts
    self.neighbours = neighbours
    self.similarities = similarities
  }

  package func scores(of queries: [RankingQuery]) -> [[Float]] {
    var recent = [Float](repeating: 0, count: starts.count - 1)
    return queries.map { query in
      let history = Set(query.history.suffix(settings.historyItems))
      for item in history { recent[item] = 1 }
      defer { for item in history { recent[item] = 0 } }
      return query.candidates.map { item in
        var score: Float = 0
        for place in starts[item]..<starts[item + 1] { score += similarities[place] * recent[Int(neighbours[place])] }
        return score
      }
    }
  }
}
