// SPDX-License-Identifier: Apache-2.0

/// A method that is shown only the newest items of each history, of those that it can tell of.
package struct NewestItems: RankingMethod {
  private let method: any RankingMethod
  private let count: Int

  package init(_ count: Int, of method: any RankingMethod) {
    self.method = method
    self.count = count
  }

  package var name: String { method.name }
  package var usersAtOnce: Int { method.usersAtOnce }

  package func scores(of queries: [RankingQuery]) throws -> [[Float]] {
    try method.scores(of: queries.map { method.readable($0).newest(count) })
  }

  package func promptTokens(of queries: [RankingQuery]) throws -> [Int]? {
    try method.promptTokens(of: queries.map { method.readable($0).newest(count) })
  }
}

extension RankingQuery {
  package func newest(_ count: Int) -> RankingQuery {
    RankingQuery(user: user, history: Array(history.suffix(count)), candidates: candidates)
  }
}
