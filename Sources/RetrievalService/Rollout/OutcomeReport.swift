// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import Rollouts
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import VectorIndex

/// Takes the outcomes that callers report.
struct OutcomeReport: Sendable {
  static let maxKindBytes = 64

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
    var joined: [ServedAnswers.Join: UInt32] = [:]
    let live = monitor.live(of: index)
    for outcome in request.outcomes {
      let join = live?.report(
        requestID: outcome.requestID, queryID: outcome.queryID, item: outcome.itemID, kind: outcome.kind)
      joined[join ?? .unknownAnswer, default: 0] += 1
    }
    return .with {
      $0.counted = joined[.counted] ?? 0
      $0.repeated = joined[.repeated] ?? 0
      $0.unknownRequest = joined[.unknownAnswer] ?? 0
      $0.itemNotServed = joined[.itemNotServed] ?? 0
    }
  }

  private func check(_ outcome: Retrieval_Outcome, field: String) throws(ServiceFailure) {
    let isSound = [
      ("request_id", !outcome.requestID.isEmpty), ("item_id", !outcome.itemID.isEmpty),
      ("kind", (1...Self.maxKindBytes).contains(outcome.kind.utf8.count)),
    ]
    guard let fault = isSound.first(where: { !$0.1 })?.0 else { return }
    throw ServiceFailure(
      .outcomeInvalid,
      "give an outcome the request_id of its search, the item_id and a kind of 1 to \(Self.maxKindBytes) bytes",
      field: "\(field).\(fault)")
  }
}
