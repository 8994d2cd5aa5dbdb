// SPDX-License-Identifier: Apache-2.0

/// How a query is answered.
package enum SearchMethod: Sendable, Equatable {
  /// By the version's graph where it has one, else exactly.
  case versionDefault
  /// Every eligible item is looked at.
  case exact
  /// By the version's graph. Where it has none, or the query's filters leave too little of it, exactly.
  ///
  /// `ef`: candidates kept; nil for the searcher's own.
  case approximate(ef: Int?)
}

/// A query's answer and how it was found.
package struct SearchAnswer: Sendable, Equatable {
  package var items: [ScoredItem]
  /// Whether the graph found them; then the scores are an exact search's, and items may be missing.
  package var isApproximate: Bool

  package init(items: [ScoredItem], isApproximate: Bool = false) {
    self.items = items
    self.isApproximate = isApproximate
  }
}
