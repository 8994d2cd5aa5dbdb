// SPDX-License-Identifier: Apache-2.0

import Basics
import Foundation
import ServiceAPI
import SwiftProtobuf

/// A page of its own about a rollout: how it ended, and its figures over time.
struct RolloutPage {
  let index: String
  let report: Retrieval_GetRolloutReportResponse

  private var rollout: Retrieval_Rollout { report.rollout }
  private var points: [Retrieval_RolloutPoint] { report.points }

  var html: String {
    let heading = "\(rollout.candidateVersion): rollout \(rollout.number)"
    var introduction = PageParagraph("notice")
    introduction.addStrong(outcome, isProblem: rollout.phase == .rolledBack)
    introduction.add(" In place of \(rollout.baselineVersion). \(rollout.reason)")
    let figures: [any PagePart] =
      points.isEmpty ? [PageParagraph("note", "Nothing was measured.")] : charts.map(\.figure)
    return HTMLPage(
      heading: heading, introduction: [introduction],
      content: [PageSection("Over time", figures), PageSection("Stages", [stageTable])]
    ).html
  }

  private var outcome: String {
    let began = "Began \(rollout.startTime.minuteText) UTC"
    let ended = rollout.hasEndTime ? ", ended \(rollout.endTime.minuteText) UTC." : ", still under way."
    switch rollout.phase {
    case .succeeded: return "Succeeded. \(began)\(ended)"
    case .rolledBack: return "Rolled back. \(began)\(ended)"
    case .paused: return "Paused. \(began)\(ended)"
    default: return "\(began)\(ended)"
    }
  }

  private var charts: [LineChart] {
    var charts = [
      chart(
        "Agreement of compared queries: overlap@k and rank-biased overlap", unit: "", range: 0...1,
        [
          .init(name: "overlap@k", style: "s1", values: points.map { $0.compared > 0 ? $0.meanOverlap : nil }),
          .init(
            name: "rank-biased overlap", style: "s2",
            values: points.map { $0.compared > 0 ? $0.meanRankBiasedOverlap : nil }),
        ]),
      chart(
        "Search time, p99", unit: " ms",
        [
          .init(name: "stable", style: "s1", values: points.map { Self.millis($0.baseline) }),
          .init(name: "candidate", style: "s2", values: points.map { Self.millis($0.candidate) }),
        ]),
    ]
    let kinds = Set(points.flatMap { $0.outcomes.map { Identifier($0.kind) } }).sorted()
    for kind in kinds { charts.append(outcomeChart(kind)) }
    return charts
  }

  /// The difference of the rates with its always-valid interval: 0 within the band means that none is proven.
  private func outcomeChart(_ kind: Identifier) -> LineChart {
    let found = points.map { point in point.outcomes.first { Identifier($0.kind) == kind } }
    let bounds = found.compactMap(\.self)
    let low = max(-1, min(-0.02, bounds.map(\.lower).filter { $0 > -0.99 }.min() ?? -1))
    let high = min(1, max(0.02, bounds.map(\.upper).filter { $0 < 0.99 }.max() ?? 1))
    return chart(
      "\(kind): candidate's rate − stable's, with its always-valid interval", unit: "", range: low...high,
      [
        .init(name: "no difference", style: "s5", values: points.map { _ in 0 }),
        .init(
          name: "difference", style: "s3", values: found.map { $0?.difference },
          band: found.map { $0.map { ($0.lower, $0.upper) } }),
      ])
  }

  private func chart(
    _ title: String, unit: String, range: ClosedRange<Double>? = nil, _ lines: [LineChart.Line]
  ) -> LineChart {
    let times = points.map { Double($0.time.seconds) + Double($0.time.nanos) / 1e9 }
    let begins = points.indices.filter { $0 == 0 || points[$0].stage != points[$0 - 1].stage }
    return LineChart(
      title: title, unit: unit, times: times, stages: begins.map { (times[$0], Self.share(points[$0])) }, lines: lines,
      range: range)
  }

  private var stageTable: PageTable {
    let ends = points.indices.filter { $0 + 1 == points.count || points[$0 + 1].stage != points[$0].stage }
    let rows = ends.map { index in
      let point = points[index]
      return PageTable.Row(cells: [
        "\(point.stage + 1)", Self.share(point), point.time.minuteText, Int(point.baseline.queries).grouped,
        Int(point.candidate.queries).grouped, Int(point.baseline.errors).grouped, Int(point.candidate.errors).grouped,
        point.candidate.failureText, Int(point.compared).grouped,
        point.compared == 0 ? "–" : point.meanScoreDrift.percentText,
      ])
    }
    let heads = [
      "stage", "share", "until (UTC)", "stable's queries", "candidate's queries", "stable's errors",
      "candidate's errors", "why", "compared", "score drift",
    ]
    return PageTable(heads: heads, style: "figures", rows)
  }

  private static func share(_ point: Retrieval_RolloutPoint) -> String {
    point.canaryPermille == 0 ? "shadow" : "\((Double(point.canaryPermille) / 10).rounded(to: 1))%"
  }

  private static func millis(_ figures: Retrieval_VersionFigures) -> Double? {
    figures.p99Micros > 0 ? figures.p99Micros / 1000 : nil
  }
}
