// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import Rollouts
import ServiceAPI
import ServiceSupport
import VectorIndex

// What a query is for the versions of a rollout that it was not sent to.

extension QueryBatch {
  /// A query for each version of the rollout, to compare their answers; nil where it is for one of them alone.
  func pair(at index: Int) -> QueryPair? {
    guard let routing, let candidate = routing.candidate?.version, isCommon(index),
      route.queries[index].fellBackFrom == nil, let baseline = query(at: index, for: routing.stable),
      let other = query(at: index, for: candidate)
    else { return nil }
    return QueryPair(baseline: baseline, candidate: other)
  }

  /// Whether another version may be searched for the query: who names a version has encoded for that one.
  func isCommon(_ index: Int) -> Bool { !queries[index].namesVersion || routing?.sharesQueries == true }

  /// The query as another version would read it; nil where it has no vector of that version's training, or is at fault there too.
  func query(at index: Int, for version: IndexVersion) -> SearchQuery? {
    guard fits(index, version) else { return nil }
    return try? reader.query(queries[index], for: version.info, method: method, field: "", needsID: areStreamed)
  }

  /// Whether the query has a vector of the version's training. Its one vector is of the version's that it was sent to.
  private func fits(_ index: Int, _ version: IndexVersion) -> Bool {
    let training = version.info.builtBy
    guard route.expectedSpace.isEmpty || training.isOf(training: route.expectedSpace) else { return false }
    let vectors = queries[index].vectors
    return vectors.isEmpty
      ? training.isOfOneTraining(with: served(index).version.info.builtBy)
      : vectors.contains { training.isOf(training: $0.spaceFingerprint) }
  }

  /// Whether a failure counts for the version that was to answer. What a query says itself of its versions, and is refused for,
  /// counts for none. One that says that the query is at fault does where a rollout
  /// sent the query to its candidate and the stable version would have taken it, and where the vector is at fault that was made for
  /// this version alone.
  func isVersionsFailure(_ failure: ServiceFailure, at index: Int) -> Bool {
    if route.queries[index].refusal != nil { return false }
    let othersFaults: [FailureReason] = [.cancelled, .shuttingDown, .servingStateChanged, .modelMismatch]
    if othersFaults.map(\.rawValue).contains(failure.reason) { return false }
    guard failure.code == .invalidArgument else { return true }
    guard let routing, let arm = served(index).arm else { return false }
    // How many items a backend can find is known to the backend alone.
    let isBackendsLimit = failure.reason == FailureReason.kTooLarge.rawValue
    if isBackendsLimit && routing.stable.remote != nil { return false }
    if isForOneVersion(index, routing) {
      return reader.isSoundApartFromVector(queries[index], needsID: areStreamed)
    }
    guard arm == .candidate, let query = query(at: index, for: routing.stable) else { return false }
    return routing.stable.accepts(query)
  }

  /// Whether the query says which version its vector was made for, and the rollout's other one could not search for it.
  private func isForOneVersion(_ index: Int, _ routing: Routing) -> Bool {
    guard queries[index].namesVersion, let candidate = routing.candidate?.version else { return false }
    return !fits(index, served(index).arm == .candidate ? routing.stable : candidate)
  }
}

/// One user's query for each version of a rollout: the same one, unless their trainings or items differ.
struct QueryPair: Sendable {
  let baseline: SearchQuery
  let candidate: SearchQuery

  func query(for arm: Arm) -> SearchQuery {
    switch arm {
    case .baseline: baseline
    case .candidate: candidate
    }
  }
}
