// SPDX-License-Identifier: Apache-2.0

import Basics
import Kernels

/// Searches versions, on threads of its own.
package final class Searcher: Sendable {
  /// Candidates that an approximate search keeps, where the query does not say.
  package static let defaultEf = 128

  private let team: ComputeTeam
  private let ef: Int

  /// Threads that work on a search, the one that asks included.
  package var threads: Int { team.threads }

  /// - Parameters:
  ///   - threads: by default one for each CPU that this process may use.
  ///   - ef: candidates that an approximate search keeps, where the query does not say.
  package init(threads: Int? = nil, ef: Int = Searcher.defaultEf) {
    self.ef = ef
    team = ComputeTeam(threads: threads ?? ComputeTeam.availableCPUs)
  }

  /// Each query's best items, highest score first and equal scores by item id in byte order; a query that cannot be
  /// answered has its error instead.
  ///
  /// Blocks its thread for the length of the search; searches of several threads run one after the other. A query's answer
  /// does not depend on the others in the batch.
  ///
  /// Where a backend holds the version's vectors, the thread waits for the backend's answer.
  ///
  /// - Parameter isCancelled: asked every few milliseconds; once true, the search ends with `cancelled`.
  package func search(
    _ queries: [SearchQuery], in version: IndexVersion, isCancelled: () -> Bool = { false }
  ) throws(VectorIndexError) -> [Result<[ScoredItem], VectorIndexError>] {
    try answers(to: queries, in: version, isCancelled: isCancelled).map { $0.map(\.items) }
  }

  /// As `search`, with what each answer rests on.
  package func answers(
    to queries: [SearchQuery], in version: IndexVersion, isCancelled: () -> Bool = { false }
  ) throws(VectorIndexError) -> [Result<SearchAnswer, VectorIndexError>] {
    let found = try queries.map { $0.inRows(of: version) }.flatMapSuccesses { (queries) throws(VectorIndexError) in
      try version.vectors.search(queries, on: team, ef: ef, isCancelled: isCancelled)
    }
    return found.map { $0.map(version.answer) }
  }
}
