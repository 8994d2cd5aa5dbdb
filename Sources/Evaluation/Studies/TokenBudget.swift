// SPDX-License-Identifier: Apache-2.0

import Models

/// A method that reads prompts, with as many of the newest items as a budget of tokens holds.
///
/// A user whose newest item alone is beyond the budget is ranked by chance: all candidates score the same.
package struct TokenBudget: RankingMethod {
  private let method: any RankingMethod
  /// Most tokens of a prompt, [REC] included.
  private let tokens: Int

  package init(_ tokens: Int, of method: any RankingMethod) {
    self.method = method
    self.tokens = tokens
  }

  package var name: String { method.name }
  package var usersAtOnce: Int { method.usersAtOnce }

  package func scores(of queries: [RankingQuery]) throws -> [[Float]] {
    let queries = queries.map(method.readable)
    let counts = try itemsThatFit(queries)
    let fitting = zip(queries, counts).filter { $1 > 0 }.map { $0.newest($1) }
    var computed = (fitting.isEmpty ? [] : try method.scores(of: fitting)).makeIterator()
    return zip(queries, counts).map { query, count in
      (count > 0 ? computed.next() : nil) ?? query.candidates.map { _ in 0 }
    }
  }

  /// The newest items of each history that a prompt within the budget tells of.
  ///
  /// - Complexity: O(log items) prompts tokenised for each query.
  package func itemsThatFit(_ queries: [RankingQuery]) throws -> [Int] {
    try queries.map { query in
      let query = method.readable(query)
      // A prompt grows with its items: `fitting` do, `beyond` do not.
      var (fitting, beyond) = (0, query.history.count + 1)
      while beyond - fitting > 1 {
        let middle = (fitting + beyond) / 2
        if try fits(query.newest(middle)) { fitting = middle } else { beyond = middle }
      }
      return fitting
    }
  }

  private func fits(_ query: RankingQuery) throws -> Bool {
    do {
      guard let count = try method.promptTokens(of: [query])?.first else {
        throw EvaluationError(.invalidInput, "\(name) reads no prompts; a budget of tokens is for methods that do")
      }
      return try count <= tokens && method.tells(of: query)
    } catch let error as ModelError where error.code == .promptTooLong {
      return false
    }
  }
}
