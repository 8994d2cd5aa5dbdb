// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRPCCore
import Rollouts
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import VectorIndex

/// Takes the outcomes that callers report.
struct OutcomeReport: Sendable {
  static let maxKindBytes = Gates.maxKindBytes

  let limits: RetrievalLimits
  let monitor: RolloutMonitor

  func take(
    _ request: Retrieval_ReportOutcomesRequest
  ) throws(ServiceFailure) -> Retrieval_ReportOutcomesResponse {
    guard (1...limits.maxQueriesPerRequest).contains(request.outcomes.count) else {
      throw ServiceFailure(
        request.outcomes.isEmpty ? .noOutcomes : .tooManyOutcomes,
        "\(request.outcomes.count) outcomes; send at least 1 and at most \(limits.maxQueriesPerRequest) at a time",
        field: "outcomes")
    }
    let index = try indexName(request.index, field: "index")
    try mappingFailures(fields: ["index"]) { () throws(VectorIndexError) in
      _ = try monitor.store.servingState(of: index)
    }
    for (place, outcome) in request.outcomes.enumerated() { try check(outcome, field: "outcomes[\(place)]") }
    var joined: [OutcomeJoin: UInt32] = [:]
    for outcome in request.outcomes { joined[join(outcome, of: index), default: 0] += 1 }
    OutcomeCounters.count(joined)
    return .with {
      $0.counted = joined[.counted] ?? 0
      $0.repeated = joined[.repeated] ?? 0
      $0.unknownRequest = joined[.unknownAnswer] ?? 0
      $0.itemNotServed = joined[.itemNotServed] ?? 0
      $0.invalidToken = joined[.invalidToken] ?? 0
      $0.foreignToken = joined[.foreignToken] ?? 0
      $0.otherIndex = joined[.otherIndex] ?? 0
      $0.expired = joined[.expired] ?? 0
      $0.notMeasured = joined[.notMeasured] ?? 0
    }
  }

  /// The token counts more than the ids of request and query.
  private func join(_ outcome: Retrieval_Outcome, of index: String) -> OutcomeJoin {
    let live = monitor.live(of: index)
    if outcome.outcomeToken.isEmpty {
      // Without an id either nobody can say which answer it is of: that costs the others of the batch nothing.
      if outcome.requestID.isEmpty { return .unknownAnswer }
      return live?.report(
        requestID: Tenant.ofCaller(outcome.requestID), queryID: outcome.queryID, item: outcome.itemID,
        kind: outcome.kind, now: .now)
        ?? .unknownAnswer
    }
    switch OutcomeToken.read(Array(outcome.outcomeToken), key: monitor.outcomeKey.ofCaller, index: index) {
    case .failure(let refusal): return refusal.join
    case .success(let token):
      return live?.report(token, item: outcome.itemID, kind: outcome.kind, now: .now) ?? .notMeasured
    }
  }

  private func check(_ outcome: Retrieval_Outcome, field: String) throws(ServiceFailure) {
    let isSound = [
      ("item_id", !outcome.itemID.isEmpty),
      ("kind", (1...Self.maxKindBytes).contains(outcome.kind.utf8.count)),
    ]
    guard let fault = isSound.first(where: { !$0.1 })?.0 else { return }
    throw ServiceFailure(
      .outcomeInvalid,
      "give an outcome the item_id and a kind of 1 to \(Self.maxKindBytes) bytes; no outcome of the request was counted",
      field: "\(field).\(fault)")
  }
}
