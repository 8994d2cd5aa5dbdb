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

  let queries: [Retrieval_Query]
  let route: RequestRoute
  let reader: RetrievalReader
  private let read: [Result<SearchQuery, ServiceFailure>]
  let method: SearchMethod
  let areStreamed: Bool

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
    read = zip(queries, route.queries).enumerated().map { index, pair in
      Result { () throws(ServiceFailure) in
        if let refusal = pair.1.refusal { throw refusal }
        return try reader.query(
          pair.0, for: pair.1.served.version.info, method: method, field: Self.field(index, areStreamed: areStreamed),
          needsID: areStreamed)
      }
    }
  }

  /// Path of a query from the root of its message, by its place.
  private static func field(_ index: Int, areStreamed: Bool) -> String { areStreamed ? "query" : "queries[\(index)]" }

  /// The version that a query was sent to.
  func served(_ index: Int) -> ServedVersion { route.queries[index].served }

  /// Searches for the sound queries together; one outcome per query, in order. Throws nothing: every failure is an outcome, so
  /// that it can be counted for the version that was to answer.
  func search(by worker: SearchWorker, deadline: ContinuousClock.Instant?, whenFull: WhenFull) async -> [Outcome] {
    let versioned = read.enumerated().map { index, query in
      query.map { (query: $0, version: served(index).version) }
    }
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
    for (place, outcome) in outcomes.enumerated() where served(place).arm == .candidate {
      guard case .failure(let failure) = outcome.flatMap(\.items), isVersionsFailure(failure, at: place),
        isCommon(place), let query = query(at: place, for: routing.stable)
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
      let route = route.queries[index]
      return ServedAnswer(
        place: index, queryID: queries[index].queryID, key: route.key, isBySplit: route.isBySplit, served: route.served,
        items: result, fellBack: answer.failure != nil, isInPlaceOfCandidate: route.fellBackFrom != nil,
        searchTime: (try? answer.outcome.get())?.searchTime ?? .zero)
    }
  }

  /// Ends a request of which nothing is left: all queries that went to a version failed for one reason that was not theirs.
  /// One query that has its answer, or another reason, keeps the others' errors in their places; so does one that is to be made for
  /// another version.
  func requireAnyAnswer(_ answers: [Answer]) throws {
    let sent = answers.compactMap { try? $0.outcome.get() }
    let failures = sent.compactMap { outcome -> ServiceFailure? in
      guard outcome.isCommon, case .failure(let failure) = outcome.items else { return nil }
      return failure
    }
    guard let first = failures.first else { return }
    if failures.contains(where: { $0.reason == FailureReason.cancelled.rawValue }) { throw CancellationError() }
    if route.queries.contains(where: { $0.refusal != nil }) { return }
    if failures.count == sent.count && failures.allSatisfy({ $0.reason == first.reason }) { throw first }
  }

  /// One result per query, in order. Those of another version than the first query's say so.
  func results(_ answers: [Answer]) -> [Retrieval_QueryResult] {
    queries.indices.map { index in
      let answer = answers[index]
      return .with {
        $0.queryID = queries[index].queryID
        let by = answer.failure == nil ? served(index) : stable(insteadOf: served(index))
        if by.version !== served(0).version { $0.servedBy = Retrieval_ServedBy(by) }
        switch answer.outcome.flatMap({ $0.items.mapError { located($0, at: index) } }) {
        case .success(let items):
          $0.items = items.map { Retrieval_ScoredItem($0) }
          $0.method = (try? answer.outcome.get())?.method ?? .unspecified
          let failed = answer.failure == nil ? route.queries[index].fellBackFrom : served(index).version
          $0.fellBackFrom = failed?.info.name.description ?? ""
        case .failure(let failure): $0.error = failure.refusedElement()
        }
      }
    }
  }

  /// A search's failure with its field from the root of the message.
  private func located(_ failure: ServiceFailure, at index: Int) -> ServiceFailure {
    let field = Self.field(index, areStreamed: areStreamed)
    guard failure.field == "vector" else { return failure.located(in: field) }
    return failure.about(
      "\(field).\(RetrievalReader.vectorField(of: queries[index], for: served(index).version.info))")
  }

  private func stable(insteadOf served: ServedVersion) -> ServedVersion {
    routing.map { ServedVersion(version: $0.stable, role: .stable, generation: served.generation) } ?? served
  }
}

/// A query that was sent to a version, and what became of it.
struct ServedAnswer: Sendable {
  /// Of the query in its request.
  let place: Int
  let queryID: String
  /// By which it was routed; nil for a version that was asked for by its name.
  let key: String?
  /// Whether the rollout's share alone chose the version, so that the key arrives by the plan.
  let isBySplit: Bool
  let served: ServedVersion
  /// Of the version that it was sent to.
  let items: Result<[ScoredItem], ServiceFailure>
  /// Whether the stable version answered instead.
  let fellBack: Bool
  /// Whether the caller asks the stable version in place of the candidate, whose failure was counted elsewhere.
  var isInPlaceOfCandidate = false
  /// Of the pass over the version's vectors that answered the query; zero when it failed.
  let searchTime: Duration
}
