// SPDX-License-Identifier: Apache-2.0

import Basics
import Pages
import ServiceAPI
import SwiftProtobuf

/// A page of its own about a rollout: what was planned, how it ended, its figures over time, and who did what.
struct RolloutPage {
  let index: String
  var report: Retrieval_GetRolloutReportResponse
  /// Who changed the rollout, oldest first.
  var trail: [Retrieval_AuditEntry] = []

  private var rollout: Retrieval_Rollout { report.rollout }
  private var points: [Retrieval_RolloutPoint] { report.points }

  var html: String {
    let charts: [any PagePart] =
      points.isEmpty
      ? [PageParagraph("note", "Nothing was measured.")]
      : [PageParagraph("note", Self.chartNote)] + RolloutCharts(points).all.map(\.figure)
    return HTMLPage(
      heading: "\(rollout.candidateVersion): rollout \(rollout.number)", introduction: introduction,
      content: RolloutPlanPart(rollout.plan).sections + [
        PageSection("Over time", charts), PageSection("Stages", [stageTable]), PageSection("Who and why", [changes]),
        PageSection("Readings", [readings]),
      ]
    ).html
  }

  private static let chartNote =
    "Figures begin afresh with each stage. A band is the interval that a gate judges by: the true value was ever outside of it with "
    + "the gate's error probability at most. Overlap and search times are judged as they are measured, without an interval. Times are UTC."

  private var introduction: [PageParagraph] {
    var outcome = PageParagraph("notice")
    outcome.addStrong(
      rollout.phase == .running ? "Under way." : "\(rollout.phase.word.capitalizedSentence).",
      isProblem: rollout.phase == .rolledBack)
    outcome.add(" Began \(rollout.startTime.secondText) UTC")
    outcome.add(rollout.hasEndTime ? ", ended \(rollout.endTime.secondText) UTC." : ", has not ended.")
    outcome.add(" In place of ")
    outcome.add(rollout.baselineVersion)
    outcome.add(", in index ")
    outcome.add(index)
    outcome.add(".")
    return [outcome] + (rollout.reason.isEmpty ? [] : [PageParagraph("note", "Why: \(rollout.reason)")])
  }

  private var stageTable: PageTable {
    let ends = points.indices.filter { $0 + 1 == points.count || points[$0 + 1].stage != points[$0].stage }
    let rows = ends.map { index in
      let point = points[index]
      return PageTable.Row(cells: [
        "\(point.stage + 1)", point.shareText, point.time.secondText, Int(point.baseline.queries).grouped,
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

  private var changes: any PagePart {
    guard !trail.isEmpty else { return PageParagraph("note", "The audit log holds nothing of this rollout.") }
    return PageTable(
      heads: ["#", "time (UTC)", "what", "version", "who", "why", "detail"], style: "figures",
      trail.map { entry in
        .init(cells: [
          "\(entry.number)", entry.time.secondText, entry.deed, entry.version, entry.actor, entry.reason, entry.detail,
        ])
      })
  }

  /// Every point with its moment: the figures that the charts are drawn from.
  private var readings: PageDetails {
    let gates = RolloutCharts(points).gates
    let heads =
      ["time (UTC)", "stage", "share", "stable's queries", "candidate's queries", "compared", "overlap", "p99 ms"]
      + ["candidate's p99 ms"] + gates.map(\.title)
    let rows = points.map { point in
      let own = Dictionary(
        point.gates.map { (GateName($0), GateFigures($0).cell) }, uniquingKeysWith: { first, _ in first })
      return PageTable.Row(
        cells: [
          point.time.secondText, "\(point.stage + 1)", point.shareText, Int(point.baseline.queries).grouped,
          Int(point.candidate.queries).grouped, Int(point.compared).grouped,
          point.compared == 0 ? "–" : point.meanOverlap.rounded(to: 3), Self.millis(point.baseline),
          Self.millis(point.candidate),
        ] + gates.map { own[$0] ?? "–" })
    }
    return PageDetails(
      summary: points.count.counted("reading"), isOpen: false,
      parts: [PageTable(heads: heads, style: "figures", rows)])
  }

  private static func millis(_ figures: Retrieval_VersionFigures) -> String {
    figures.p99Micros > 0 ? (figures.p99Micros / 1000).rounded(to: 2) : "–"
  }
}

extension Retrieval_RolloutPoint {
  var shareText: String { canaryPermille == 0 ? "shadow" : RolloutView.percent(canaryPermille) }
}

extension String {
  /// With a capital at its begin.
  fileprivate var capitalizedSentence: String { prefix(1).uppercased() + dropFirst() }
}
