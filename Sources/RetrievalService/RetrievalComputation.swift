// SPDX-License-Identifier: Apache-2.0

import ServiceSupport
import VectorIndex

/// A query or a look-up in mapped vectors: what waits for the search thread.
struct RetrievalJob: Sendable {
  enum Work: Sendable {
    case search(SearchQuery)
    case vectors([String])
  }

  let version: IndexVersion
  let work: Work
}

/// What the search thread answers.
enum RetrievalAnswer: Sendable {
  /// The time is that of the pass over the version's vectors, which it shares with other queries.
  case items(SearchAnswer, Duration)
  case vectors([[Float]?])
}

/// What the search thread does with a batch: one pass over a version's vectors for all queries in it.
struct RetrievalComputation: Sendable {
  typealias Outcome = Result<RetrievalAnswer, any Error>

  /// Queries computed together. More would gain nothing: the scan is bound by arithmetic well before.
  static let maxBatchQueries = 256

  let searcher: Searcher
  /// Told while the thread is at work.
  let activity: SearchActivity

  /// One outcome per job, in order.
  func answer(_ jobs: [RetrievalJob], _ context: BatchContext) -> [Outcome] {
    activity.begin()
    defer { activity.end() }
    var outcomes = [Outcome](repeating: .success(.vectors([])), count: jobs.count)
    var searches: [ObjectIdentifier: [(index: Int, query: SearchQuery)]] = [:]
    for (index, job) in jobs.enumerated() {
      switch job.work {
      case .vectors(let ids): outcomes[index] = Outcome { .vectors(try ids.map { try job.version.vector(of: $0) }) }
      case .search(let query): searches[ObjectIdentifier(job.version), default: []].append((index, query))
      }
    }
    for members in searches.values {
      let indices = members.map(\.index)
      let found = search(members.map(\.query), in: jobs[indices[0]].version) {
        indices.allSatisfy(context.isCancelled(_:))
      }
      for (index, outcome) in zip(indices, found) { outcomes[index] = outcome }
    }
    return outcomes
  }

  private func search(
    _ queries: [SearchQuery], in version: IndexVersion, isCancelled: () -> Bool
  ) -> [Outcome] {
    let start = ContinuousClock.now
    do {
      let found = try searcher.answers(to: queries, in: version, isCancelled: isCancelled)
      let time = start.duration(to: .now)
      return found.map { $0.map { .items($0, time) }.mapError { $0 as any Error } }
    } catch {
      return queries.map { _ in .failure(error) }
    }
  }
}
