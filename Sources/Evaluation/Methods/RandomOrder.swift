// SPDX-License-Identifier: Apache-2.0

import Datasets

/// Chance: what a method must beat to know anything.
package struct RandomOrder: RankingMethod {
  package let name = "random"
  package let seed: UInt64

  package init(seed: UInt64) { self.seed = seed }

  /// A user's item has the same score whatever is asked for with it.
  package func scores(of queries: [RankingQuery]) -> [[Float]] {
    queries.map { query in
      let user = SplitMix64(seed: seed, stream: UInt64(query.user)).state
      return query.candidates.map { item in
        var random = SplitMix64(seed: user, stream: UInt64(item))
        return Float(random.nextUnit())
      }
    }
  }
}
