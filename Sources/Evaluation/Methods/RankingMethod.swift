// SPDX-License-Identifier: Apache-2.0

/// A user whose candidates are to be put in order.
package struct RankingQuery: Sendable, Equatable {
  /// Index into the dataset's users.
  package let user: Int
  /// Items met so far, oldest first.
  package let history: [Int]
  /// Items to score; none of them twice.
  package let candidates: [Int]

  package init(user: Int, history: [Int], candidates: [Int]) {
    self.user = user
    self.history = history
    self.candidates = candidates
  }
}

/// Something that can tell which of some items a user meets next.
///
/// It was made from the training part of the data alone.
package protocol RankingMethod: Sendable {
  /// As tables show it.
  var name: String { get }

  /// Users that it scores at a time: what a batch holds in memory is the method's own concern.
  var usersAtOnce: Int { get }

  /// A score for each candidate of each query, in order; the higher the likelier. The same queries get the same scores.
  /// Minus infinity is for a candidate that the method did not name: such a target has the last place.
  ///
  /// Computes on the calling thread and blocks: call it from a compute worker.
  func scores(of queries: [RankingQuery]) throws -> [[Float]]

  /// Tokens that an LLM reads for each query; nil for a method without one.
  func promptTokens(of queries: [RankingQuery]) throws -> [Int]?

  /// Whether the method reads anything of the history: a prompt tells of no item when the newest alone is too long.
  func tells(of query: RankingQuery) throws -> Bool

  /// The query with only those items of its history that the method can tell of: its "newest n items" are n of these.
  func readable(_ query: RankingQuery) -> RankingQuery
}

extension RankingMethod {
  package var usersAtOnce: Int { 64 }

  package func promptTokens(of queries: [RankingQuery]) -> [Int]? { nil }

  package func tells(of query: RankingQuery) -> Bool { true }

  package func readable(_ query: RankingQuery) -> RankingQuery { query }
}
