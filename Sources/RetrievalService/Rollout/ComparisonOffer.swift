// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import Rollouts
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import VectorIndex

/// Takes users whom a caller has encoded once for each version of a rollout, and has the versions' answers compared.
struct ComparisonOffer: Sendable {
  let limits: RetrievalLimits
  let monitor: RolloutMonitor

  func take(
    _ request: Retrieval_OfferComparisonsRequest
  ) throws(ServiceFailure) -> Retrieval_OfferComparisonsResponse {
    guard request.offers.count <= limits.maxQueriesPerRequest else {
      throw ServiceFailure(
        .tooManyQueries,
        "\(request.offers.count) offers; send at most \(limits.maxQueriesPerRequest) at a time", field: "offers")
    }
    let index = try indexName(request.index, field: "index")
    let routing = try mappingFailures(fields: ["index"]) { () throws(VectorIndexError) in
      try monitor.store.routing(of: index)
    }
    // What was encoded for another stage says nothing of this one; its caller did nothing wrong.
    guard let candidate = routing.candidate, candidate.rollout.number == request.rolloutNumber,
      candidate.rollout.stage == Int(request.stage), candidate.rollout.currentStage.shadowPermille > 0,
      let live = monitor.live(of: index), live.number == request.rolloutNumber
    else { return .init() }
    var pairs: [(queries: QueryPair, key: String)] = []
    for (place, offer) in request.offers.enumerated() {
      let pair = try pair(of: offer, routing.stable, candidate.version, field: "offers[\(place)]")
      if let pair { pairs.append((pair, offer.baseline.routingKey)) }
    }
    let failed = [
      Failed(arm: .baseline, count: request.failedBaseline, keys: request.failedBaselineKeys),
      Failed(arm: .candidate, count: request.failedCandidate, keys: request.failedCandidateKeys),
    ]
    for failed in failed { try check(failed) }
    // Nothing is taken of a request that is refused.
    for (queries, key) in pairs { monitor.compare(queries, of: key, routing, candidate, in: live) }
    let stage = candidate.rollout.stage
    for failed in failed {
      live.noteComparisonsFailed(Int(failed.count), in: failed.arm, keys: failed.keys, stage: stage, now: .now)
    }
    if request.dropped > 0 { live.noteDropped(Int(request.dropped), stage: stage) }
    return .with { $0.taken = UInt32(pairs.count) }
  }

  /// Users who could not be encoded for one version.
  private struct Failed {
    let arm: Arm
    let count: UInt32
    let keys: [String]
  }

  private func check(_ failed: Failed) throws(ServiceFailure) {
    guard failed.count <= UInt32(limits.maxQueriesPerRequest) else {
      throw ServiceFailure(
        .tooManyQueries, "\(failed.count) failed; tell at most \(limits.maxQueriesPerRequest) at a time",
        field: failed.arm == .baseline ? "failed_baseline" : "failed_candidate")
    }
  }

  /// Nil for what was encoded for other versions.
  private func pair(
    of offer: Retrieval_OfferComparisonsRequest.Offer, _ stable: IndexVersion, _ candidate: IndexVersion, field: String
  ) throws(ServiceFailure) -> QueryPair? {
    let isStables = try isFor(stable, offer.baseline, field: "\(field).baseline")
    let isCandidates = try isFor(candidate, offer.candidate, field: "\(field).candidate")
    guard isStables && isCandidates else { return nil }
    let pair = QueryPair(
      baseline: try read(offer.baseline, for: stable, field: "\(field).baseline"),
      candidate: try read(offer.candidate, for: candidate, field: "\(field).candidate"))
    guard pair.baseline.k == pair.candidate.k else {
      throw ServiceFailure(
        .kInvalid,
        "k is \(pair.candidate.k) here and \(pair.baseline.k) in the baseline's query; ask for as many of both",
        field: "\(field).candidate.k")
    }
    return pair
  }

  private func read(
    _ query: Retrieval_Query, for version: IndexVersion, field: String
  ) throws(ServiceFailure) -> SearchQuery {
    try RetrievalReader(limits: limits).query(
      query, for: version.info, method: .versionDefault, field: field, needsID: false)
  }

  private func isFor(
    _ version: IndexVersion, _ query: Retrieval_Query, field: String
  ) throws(ServiceFailure) -> Bool {
    if query.expectedVersion.isEmpty { return true }
    let name = try mappingFailures(fields: ["\(field).expected_version"]) { () throws(VectorIndexError) in
      try VersionName(parsing: query.expectedVersion)
    }
    return name == version.info.name
  }
}
