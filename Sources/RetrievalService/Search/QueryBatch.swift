// SPDX-License-Identifier: Apache-2.0

import Basics
import GRPCCore
import Rollouts
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import VectorIndex

/// Queries that are searched together: the sound ones go to the index, the others have their error already.
struct QueryBatch: Sendable {
  /// What became of a query, or why it could not be searched for.
  typealias Outcome = Result<SearchWorker.Outcome, ServiceFailure>

  /// What became of a query, in the version that it was sent to or in the stable one.
  struct Answer: Sendable {
    let outcome: Outcome
    /// Why the candidate did not answer, where the stable version did.
    var failure: ServiceFailure?
  }

  private let queries: [Retrieval_Query]
  private let route: RequestRoute
  private let reader: RetrievalReader
  private let read: [Result<SearchQuery, ServiceFailure>]
  private let method: SearchMethod
  private let areStreamed: Bool

  private var served: [ServedVersion] { route.served }
  var routing: Routing? { route.routing }

  /// - Parameters:
  ///   - limits: what a query may ask for.
  ///   - method: how they are answered.
  ///   - route: the version that answers each query.
  ///   - areStreamed: whether each came in a message of its own, and must have an id.
  init(
    _ queries: [Retrieval_Query], limits: RetrievalLimits, method: SearchMethod, route: RequestRoute,
    areStreamed: Bool = false
  ) {
    let reader = RetrievalReader(limits: limits)
    self.queries = queries
    self.route = route
    self.method = method
    self.areStreamed = areStreamed
    self.reader = reader
    read = queries.enumerated().map { index, query in
      Result { () throws(ServiceFailure) in
        try reader.query(
          query, dim: route.served[index].version.info.dim, method: method,
          field: Self.field(index, areStreamed: areStreamed), needsID: areStreamed)
      }
    }
  }

  /// Path of a query from the root of its message, by its place.
  private static func field(_ index: Int, areStreamed: Bool) -> String { areStreamed ? "query" : "queries[\(index)]" }

  /// The query as the stable version would read it; nil where it is at fault there too.
  private func query(at index: Int, forVersionOf dim: Int) -> SearchQuery? {
    try? reader.query(queries[index], dim: dim, method: method, field: "", needsID: areStreamed)
  }

  /// Searches for the sound queries together; one outcome per query, in order. Throws nothing: every failure is an outcome, so
  /// that it can be counted for the version that was to answer.
  func search(by worker: SearchWorker, deadline: ContinuousClock.Instant?, whenFull: WhenFull) async -> [Outcome] {
    let versioned = zip(read, served).map { query, served in query.map { (query: $0, version: served.version) } }
    return await versioned.flatMapSuccesses { queries in
      await worker.search(queries, deadline: deadline, whenFull: whenFull).map { .success($0) }
    }
  }

  /// The answers, with those of the stable version for the queries that the candidate failed, where the rollout's plan says so.
  /// What the stable version fails as well keeps the candidate's failure.
  func fallingBack(
    from outcomes: [Outcome], by worker: SearchWorker, deadline: ContinuousClock.Instant?, whenFull: WhenFull
  ) async -> [Answer] {
    let answers = outcomes.map { Answer(outcome: $0) }
    guard let routing, routing.candidate?.rollout.plan.fallsBackToStable == true else { return answers }
    var failed: [(place: Int, query: SearchQuery, failure: ServiceFailure)] = []
    for (place, outcome) in outcomes.enumerated() where served[place].arm == .candidate {
      guard case .failure(let failure) = outcome.flatMap(\.items), isVersionsFailure(failure, at: place),
        let query = query(at: place, forVersionOf: routing.stable.info.dim)
      else { continue }
      failed.append((place, query, failure))
    }
    if failed.isEmpty { return answers }
    let found = await worker.search(
      failed.map { ($0.query, routing.stable) }, deadline: deadline, whenFull: whenFull)
    return zip(failed, found).reduce(into: answers) { answers, pair in
      guard case .success = pair.1.items else { return }
      answers[pair.0.place] = Answer(outcome: .success(pair.1), failure: pair.0.failure)
    }
  }

  /// What became of the queries in the version that each was sent to, for those who measure. What a query is at fault for
  /// itself, and what nobody waited for, counts for no version.
  func served(_ answers: [Answer]) -> [ServedAnswer] {
    queries.indices.compactMap { index in
      let answer = answers[index]
      let result = answer.failure.map { Result.failure($0) } ?? answer.outcome.flatMap(\.items)
      if case .failure(let failure) = result, !isVersionsFailure(failure, at: index) { return nil }
      return ServedAnswer(
        place: index, query: try? read[index].get(), queryID: queries[index].queryID,
        key: route.keys.isEmpty ? nil : route.keys[index], served: served[index], items: result,
        fellBack: answer.failure != nil, searchTime: (try? answer.outcome.get())?.searchTime ?? .zero)
    }
  }

  /// Ends a request of which nothing is left: all queries that went to a version failed for one reason that was not theirs.
  /// One query that has its answer, or another reason, keeps the others' errors in their places.
  func requireAnyAnswer(_ answers: [Answer]) throws {
    let sent = answers.compactMap { try? $0.outcome.get() }
    let failures = sent.compactMap { outcome -> ServiceFailure? in
      guard outcome.isCommon, case .failure(let failure) = outcome.items else { return nil }
      return failure
    }
    guard let first = failures.first else { return }
    if failures.contains(where: { $0.reason == FailureReason.cancelled.rawValue }) { throw CancellationError() }
    if failures.count == sent.count && failures.allSatisfy({ $0.reason == first.reason }) { throw first }
  }

  /// One result per query, in order. Those of another version than the first query's say so.
  func results(_ answers: [Answer]) -> [Retrieval_QueryResult] {
    queries.indices.map { index in
      let answer = answers[index]
      return .with {
        $0.queryID = queries[index].queryID
        let by = answer.failure == nil ? served[index] : stable(insteadOf: served[index])
        if by.version !== served[0].version { $0.servedBy = Retrieval_ServedBy(by) }
        if answer.failure != nil { $0.fellBackFrom = served[index].version.info.name.description }
        let field = Self.field(index, areStreamed: areStreamed)
        switch answer.outcome.flatMap({ $0.items.mapError { $0.located(in: field) } }) {
        case .success(let items):
          $0.items = items.map { Retrieval_ScoredItem($0) }
          $0.method = (try? answer.outcome.get())?.method ?? .unspecified
        case .failure(let failure): $0.error = failure.itemError
        }
      }
    }
  }

  private func stable(insteadOf served: ServedVersion) -> ServedVersion {
    routing.map { ServedVersion(version: $0.stable, role: .stable, generation: served.generation) } ?? served
  }

  /// Whether a failure counts for the version that was to answer. One that says that the query is at fault does where a rollout
  /// sent the query to its candidate, and the stable version would have taken it.
  private func isVersionsFailure(_ failure: ServiceFailure, at index: Int) -> Bool {
    if [FailureReason.cancelled, .shuttingDown].map(\.rawValue).contains(failure.reason) { return false }
    guard failure.code == .invalidArgument else { return true }
    guard served[index].arm == .candidate, let stable = route.routing?.stable,
      let query = query(at: index, forVersionOf: stable.info.dim)
    else { return false }
    // How many items a backend can find is known to the backend alone.
    let isBackendsLimit = failure.reason == FailureReason.kTooLarge.rawValue
    return stable.accepts(query) && !(isBackendsLimit && stable.remote != nil)
  }
}

/// A query that was sent to a version, and what became of it.
struct ServedAnswer: Sendable {
  /// Of the query in its request.
  let place: Int
  /// Nil when the version could not even read it.
  let query: SearchQuery?
  let queryID: String
  /// By which it was routed; nil for a version that was asked for by its name.
  let key: String?
  let served: ServedVersion
  /// Of the version that it was sent to.
  let items: Result<[ScoredItem], ServiceFailure>
  /// Whether the stable version answered instead.
  let fellBack: Bool
  /// Of the pass over the version's vectors that answered the query; zero when it failed.
  let searchTime: Duration
}
