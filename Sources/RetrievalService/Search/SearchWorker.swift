// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import ServiceAPI
import ServiceSupport
import VectorIndex

/// The one thread that reads mapped vectors: searches and look-ups of all callers, gathered in batches. What concerns versions
/// whose vectors a backend holds goes past it.
final class SearchWorker: Sendable {
  /// What a query found, or why it found nothing, and where the time went. A failure names fields from the query on.
  struct Outcome: Sendable {
    var items: Result<[ScoredItem], ServiceFailure>
    /// Whether the failure is not the query's alone: it is that of every query that went the same way.
    var isCommon = false
    /// How they were found; unspecified where a backend did.
    var method = Retrieval_SearchMethod.unspecified
    /// Of the pass over the version's vectors that answered the query; zero when it failed.
    var searchTime = Duration.zero
    var queueTime = Duration.zero
    var computeTime = Duration.zero
    var batchSize = 0
  }

  /// Whether this thread is at work.
  let activity: SearchActivity
  private let batcher: Batcher<RetrievalJob, RetrievalAnswer>
  private let backend: BackendSearches

  init(searcher: Searcher, maxQueueQueries: Int, maxQueueTime: Duration? = nil) throws {
    let activity = SearchActivity()
    self.activity = activity
    let maxQueueCost = max(maxQueueQueries, RetrievalComputation.maxBatchQueries)
    backend = BackendSearches(maxQueries: maxQueueCost)
    let computation = RetrievalComputation(searcher: searcher, activity: activity)
    batcher = try Batcher(
      name: "illmrec-search", maxQueueCost: maxQueueCost, maxBatchCost: RetrievalComputation.maxBatchQueries,
      maxQueueTime: maxQueueTime, process: computation.answer)
  }

  /// Searches for all queries, each in its version. What fails in one version takes no query of another with it, and nothing
  /// is thrown: whoever counts failures sees every one of them.
  ///
  /// - Parameter deadline: of the RPC.
  /// - Returns: one outcome per query, in order.
  func search(
    _ queries: [(query: SearchQuery, version: IndexVersion)], deadline: ContinuousClock.Instant? = nil,
    whenFull: WhenFull = .refuse
  ) async -> [Outcome] {
    let lanes = Dictionary(grouping: queries.indices) { SearchLane(queries[$0].version) }
    let limit = SearchDeadline(deadline)
    if lanes.count == 1, let lane = lanes.keys.first {
      return await search(queries, in: lane, limit, whenFull)
    }
    return await withTaskGroup(of: (places: [Int], outcomes: [Outcome]).self) { group in
      for (lane, places) in lanes {
        group.addTask { [self] in
          (places, await search(places.map { queries[$0] }, in: lane, limit, whenFull))
        }
      }
      var outcomes = [Outcome](repeating: Outcome(items: .success([])), count: queries.count)
      for await part in group {
        for (place, outcome) in zip(part.places, part.outcomes) { outcomes[place] = outcome }
      }
      return outcomes
    }
  }

  /// Searches for queries of one lane; what stops it is the outcome of each.
  private func search(
    _ queries: [(query: SearchQuery, version: IndexVersion)], in lane: SearchLane, _ limit: SearchDeadline,
    _ whenFull: WhenFull
  ) async -> [Outcome] {
    do {
      switch lane {
      case .computed: return try await searchMapped(queries, limit, whenFull)
      case .remote(let version):
        return try await backend.search(
          queries.map(\.query), in: version, deadline: limit.ofBackends, whenFull: whenFull)
      }
    } catch {
      return queries.map { _ in Outcome(items: .failure(limit.failure(error)), isCommon: true) }
    }
  }

  private func searchMapped(
    _ queries: [(query: SearchQuery, version: IndexVersion)], _ limit: SearchDeadline, _ whenFull: WhenFull
  ) async throws -> [Outcome] {
    let jobs = queries.map { (request: RetrievalJob(version: $0.version, work: .search($0.query)), cost: 1) }
    let results = try await batcher.submit(contentsOf: jobs, deadline: limit.ofCaller, whenFull: whenFull)
    return results.map { Self.outcome(of: $0, limit) }
  }

  /// The stored vectors of items, nil for those the version does not hold.
  func vectors(
    of itemIDs: [String], in version: IndexVersion, deadline: ContinuousClock.Instant? = nil
  ) async throws -> [[Float]?] {
    if case .remote(let remote) = SearchLane(version) {
      return try await backend.vectors(of: itemIDs, in: remote, deadline: deadline)
    }
    let answer = try await batcher.submit(RetrievalJob(version: version, work: .vectors(itemIDs)), cost: 1)
    guard case .vectors(let vectors) = answer.value else { preconditionFailure("a look-up answers with vectors") }
    return vectors
  }

  /// Ends the thread; what waits fails.
  func shutdown() async { await batcher.shutdown() }

  private static func outcome(
    of result: Result<Batched<RetrievalAnswer>, any Error>, _ limit: SearchDeadline
  ) -> Outcome {
    switch result {
    case .success(let batched):
      guard case .items(let answer, let searchTime) = batched.value else {
        preconditionFailure("a search answers with items")
      }
      return Outcome(
        items: .success(answer.items), method: answer.isApproximate ? .approximate : .exact, searchTime: searchTime,
        queueTime: batched.timing.queueTime, computeTime: batched.timing.computeTime,
        batchSize: batched.timing.batchSize)
    case .failure(let error):
      let failure = limit.failure(error)
      return Outcome(items: .failure(failure), isCommon: failure.code != .invalidArgument)
    }
  }
}
