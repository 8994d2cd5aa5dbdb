// SPDX-License-Identifier: Apache-2.0

/// A user gets what is like the items met last, by the items' features alone: nobody's behaviour has a part in it.
///
///     score(user, i) = mean over the newest items j of the history of cosine(feature(i), feature(j))
///
/// Features are centred on their mean over the items first, which all of them share.
package struct ContentNeighbours: RankingMethod {
  package let name: String
  package let historyItems: Int
  /// Of length 1; empty for an item without a feature.
  private let directions: [[Float]]

  /// - Parameters:
  ///   - features: one for each item of the dataset, all of one width; nil for an item without.
  ///   - historyItems: newest items of a history that count.
  package init(name: String, features: [[Float]?], historyItems: Int = 10) {
    precondition(historyItems > 0)
    (self.name, self.historyItems) = (name, historyItems)
    let known = features.compactMap(\.self)
    var centre = [Double](repeating: 0, count: known.first?.count ?? 0)
    for feature in known { for place in centre.indices { centre[place] += Double(feature[place]) } }
    for place in centre.indices { centre[place] /= Double(known.count) }
    directions = features.map { feature in
      guard let feature else { return [] }
      let centred = zip(feature, centre).map { Double($0) - $1 }
      let length = centred.reduce(0) { $0 + $1 * $1 }.squareRoot()
      return length > 0 ? centred.map { Float($0 / length) } : []
    }
  }

  package func scores(of queries: [RankingQuery]) -> [[Float]] {
    queries.map { query in
      let history = query.history.suffix(historyItems).map { directions[$0] }.filter { !$0.isEmpty }
      guard let first = history.first else { return query.candidates.map { _ in 0 } }
      let mean = first.indices.map { place in history.reduce(0) { $0 + $1[place] } / Float(history.count) }
      return query.candidates.map { candidate in
        // An item without a feature is like none and unlike none.
        zip(directions[candidate], mean).reduce(0) { $0 + $1.0 * $1.1 }
      }
    }
  }
}
