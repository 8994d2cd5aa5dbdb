// SPDX-License-Identifier: Apache-2.0

import ServiceAPI
import SwiftProtobuf

/// A finished rollout as a table: its last figures in each stage.
struct RolloutReportTable {
  let report: Retrieval_GetRolloutReportResponse

  init(_ report: Retrieval_GetRolloutReportResponse) { self.report = report }

  func write(to terminal: Terminal) {
    var table = TextTable([
      .init("STAGE", .trailing), .init("SHARE", .trailing), .init("UNTIL"), .init("QUERIES", .trailing),
      .init("CANARY", .trailing), .init("ERRORS", .trailing), .init("CANARY ERRORS", .trailing),
      .init("COMPARED", .trailing), .init("OVERLAP", .trailing), .init("RBO", .trailing),
      .init("P99 MS", .trailing), .init("CANARY P99", .trailing),
    ])
    for (index, point) in report.points.enumerated()
    where index + 1 == report.points.count || report.points[index + 1].stage != point.stage {
      table.add([
        String(point.stage + 1), "\((Double(point.canaryPermille) / 10).rounded(to: 1))%", point.time.minuteText,
        Int(point.baseline.queries).grouped, Int(point.candidate.queries).grouped,
        Int(point.baseline.errors).grouped, Int(point.candidate.errors).grouped, Int(point.compared).grouped,
        point.compared == 0 ? "-" : point.meanOverlap.rounded(to: 3),
        point.compared == 0 ? "-" : point.meanRankBiasedOverlap.rounded(to: 3),
        (point.baseline.p99Micros / 1000).rounded(to: 2), (point.candidate.p99Micros / 1000).rounded(to: 2),
      ])
    }
    table.write(to: terminal)
  }
}

extension Retrieval_VersionFigures {
  /// "20 BACKEND_UNAVAILABLE, 3 DEADLINE_EXCEEDED"; empty without failures of callers' queries.
  var failureText: String {
    failures.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { "\(Int($0.value).grouped) \($0.key)" }
      .joined(separator: ", ")
  }
}

extension Google_Protobuf_Duration {
  var duration: Duration { .seconds(seconds) + .nanoseconds(Int64(nanos)) }
}
