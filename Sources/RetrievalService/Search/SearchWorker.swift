import ServiceAPI
import ServiceSupport
import VectorIndex

/// The one thread that reads mapped vectors: searches and look-ups of all callers, gathered in batches. What concerns versions
/// whose vectors a backend holds goes past it.
final class SearchWorker: Sendable {
  /// Queries computed together. More would gain nothing: the scan is bound by arithmetic well before.
  static let maxBatchQueries = 256

  private enum Job: Sendable {
    case search(SearchQuery)
    case vectors([String])
  }

  private struct Request: Sendable {
    let version: IndexVersion
    let job: Job
  }

  private enum Answer: Sendable {
    /// The time is that of the pass over the version's vectors, which it shares with other queries.
    case items(SearchAnswer, Duration)
    case vectors([[Float]?])
  }

  /// What a query found, or why it found nothing, and where the time went.
  struct Outcome: Sendable {
    var items: Result<[ScoredItem], ServiceFailure>
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
  private let batcher: Batcher<Request, Answer>
  private let backend: BackendSearches

  init(searcher: Searcher, maxQueueQueries: Int) throws {
    let activity = SearchActivity()
    self.activity = activity
    backend = BackendSearches(maxQueries: max(maxQueueQueries, Self.maxBatchQueries))
    batcher = try Batcher(
      name: "illmrec-search", maxQueueCost: max(maxQueueQueries, Self.maxBatchQueries),
      maxBatchCost: Self.maxBatchQueries
    ) { requests, context in
      activity.begin()
      defer { activity.end() }
      return Self.process(requests, context, on: searcher)
    }
  }

  /// Searches for all queries, each in its version.
  ///
  /// - Parameters:
  ///   - deadline: of the RPC; a backend is given what is left until then.
  ///   - waitForRoom: whether to wait while the queue is full instead of failing with QUEUE_FULL.
  /// - Returns: one outcome per query, in order.
  /// - Throws: what concerns all of them: a full queue, a deadline, a cancellation.
  func search(
    _ queries: [(query: SearchQuery, version: IndexVersion)], deadline: ContinuousClock.Instant? = nil,
    waitForRoom: Bool = false
  ) async throws -> [Outcome] {
    if queries.allSatisfy({ $0.version.reader == nil }) {
      return try await searchMapped(queries, waitForRoom: waitForRoom)
    }
    let places = Dictionary(grouping: queries.indices) { index in
      queries[index].version.reader.map { _ in ObjectIdentifier(queries[index].version) }
    }
    return try await withThrowingTaskGroup(of: (places: [Int], outcomes: [Outcome]).self) { group in
      for (version, places) in places {
        group.addTask { [self] in
          let asked = places.map { queries[$0] }
          if version == nil { return (places, try await searchMapped(asked, waitForRoom: waitForRoom)) }
          let outcomes = try await backend.search(
            asked.map(\.query), in: asked[0].version, deadline: deadline, refuses: !waitForRoom)
          return (places, outcomes)
        }
      }
      var outcomes = [Outcome](repeating: Outcome(items: .success([])), count: queries.count)
      for try await part in group {
        for (place, outcome) in zip(part.places, part.outcomes) { outcomes[place] = outcome }
      }
      return outcomes
    }
  }

  private func searchMapped(
    _ queries: [(query: SearchQuery, version: IndexVersion)], waitForRoom: Bool
  ) async throws -> [Outcome] {
    let requests = queries.map { (request: Request(version: $0.version, job: .search($0.query)), cost: 1) }
    let results = try await batcher.submit(contentsOf: requests, whenFull: waitForRoom ? .wait : .refuse)
    return try results.map(Self.outcome(of:))
  }

  /// The stored vectors of items, nil for those the version does not hold.
  func vectors(
    of itemIDs: [String], in version: IndexVersion, deadline: ContinuousClock.Instant? = nil
  ) async throws -> [[Float]?] {
    if version.reader != nil { return try await backend.vectors(of: itemIDs, in: version, deadline: deadline) }
    let answer = try await batcher.submit(Request(version: version, job: .vectors(itemIDs)), cost: 1)
    guard case .vectors(let vectors) = answer.value else { preconditionFailure("a look-up answers with vectors") }
    return vectors
  }

  /// Ends the thread; what waits fails.
  func shutdown() async { await batcher.shutdown() }

  private static func outcome(of result: Result<Batched<Answer>, any Error>) throws -> Outcome {
    do {
      let batched = try result.get()
      guard case .items(let answer, let searchTime) = batched.value else {
        preconditionFailure("a search answers with items")
      }
      return Outcome(
        items: .success(answer.items), method: answer.isApproximate ? .approximate : .exact, searchTime: searchTime,
        queueTime: batched.queueTime, computeTime: batched.computeTime,
        batchSize: batched.batchSize)
    } catch let error as VectorIndexError {
      let failure = ServiceFailure(error)
      if error.code == .cancelled { throw failure }
      return Outcome(items: .failure(failure))
    }
  }

  // MARK: On the search thread

  private static func process(
    _ requests: [Request], _ context: BatchContext, on searcher: Searcher
  ) -> [Result<Answer, any Error>] {
    var results = [Result<Answer, any Error>](
      repeating: .success(.items(SearchAnswer(items: []), .zero)), count: requests.count)
    var searches: [ObjectIdentifier: [Int]] = [:]
    for (index, request) in requests.enumerated() {
      switch request.job {
      case .vectors(let ids): results[index] = .success(.vectors(ids.map { request.version.vector(of: $0) }))
      case .search: searches[ObjectIdentifier(request.version), default: []].append(index)
      }
    }
    for indices in searches.values {
      search(indices, of: requests, context, on: searcher, into: &results)
    }
    return results
  }

  /// The searches of one version, in one pass over its vectors.
  private static func search(
    _ indices: [Int], of requests: [Request], _ context: BatchContext, on searcher: Searcher,
    into results: inout [Result<Answer, any Error>]
  ) {
    let queries = indices.compactMap { index in
      if case .search(let query) = requests[index].job { query } else { nil }
    }
    let start = ContinuousClock.now
    do {
      let found = try searcher.answers(to: queries, in: requests[indices[0]].version) {
        indices.allSatisfy { context.isCancelled($0) }
      }
      let time = ContinuousClock.now - start
      for (index, result) in zip(indices, found) {
        results[index] = result.map { Answer.items($0, time) }.mapError { $0 }
      }
    } catch {
      for index in indices { results[index] = .failure(error) }
    }
  }
}
