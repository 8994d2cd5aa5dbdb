// SPDX-License-Identifier: Apache-2.0

import Foundation
import ServiceAPI
import SwiftProtobuf

/// A rollout as people see it at a terminal.
struct RolloutView {
  let serving: Retrieval_ServingState
  /// Nil when nothing was measured yet.
  let figures: Retrieval_RolloutFigures?

  init(_ serving: Retrieval_ServingState, _ figures: Retrieval_RolloutFigures?) {
    self.serving = serving
    self.figures = figures
  }

  private var rollout: Retrieval_Rollout { serving.rollout }

  func write(to terminal: Terminal) {
    for line in lines(for: terminal) { terminal.writeLine(line) }
  }

  /// Everything, in lines that fit the terminal.
  func lines(for terminal: Terminal) -> [String] {
    guard serving.hasRollout else {
      return ["Index \(serving.index) answers from \(serving.stableVersion). No rollout yet."]
    }
    var lines = [heading(terminal), "  " + stageLine(terminal)]
    if !rollout.reason.isEmpty { lines.append("  why: \(rollout.reason)") }
    if let figures {
      lines += ["", terminal.styled("  in this stage, since \(figures.since.minuteText) UTC", .dim)]
      lines += table(figures).lines(for: terminal).map { "  " + $0 }
      lines +=
        failures(figures).map { "  " + $0 } + comparison(figures).map { "  " + $0 }
        + outcomes(figures).map { "  " + $0 }
      lines += gates(figures, terminal).map { "  " + $0 }
      if serving.isUnderWay, !figures.waitingFor.isEmpty {
        lines.append("  waits for: " + figures.waitingFor.joined(separator: "; "))
      }
    }
    guard let columns = terminal.columns else { return lines }
    // A line that wraps would count as two when the view is redrawn.
    return lines.map { $0.contains("\u{1B}") ? $0 : DisplayWidth.truncated($0, to: columns - 1) }
  }

  /// The same in one line.
  var line: String {
    guard serving.hasRollout else { return "\(serving.index): no rollout" }
    var parts = [
      "\(serving.index) rollout \(rollout.number)", phaseText,
      "stage \(rollout.stage + 1) of \(rollout.plan.stages.count)",
      shareText,
    ]
    if let figures {
      parts.append("canary \(Int(figures.candidate.queries).grouped) of \(Int(figures.queries).grouped) queries")
      if figures.compared > 0 {
        parts.append("overlap \(figures.meanOverlap.rounded(to: 3)) of \(Int(figures.compared).grouped) compared")
      }
    }
    if let figures {
      if figures.candidate.errors > 0 {
        parts.append("\(Int(figures.candidate.errors).grouped) errors of the candidate")
      }
      for gate in figures.gates where gate.verdict == .holding && serving.isUnderWay {
        parts.append("gate \(gate.gate) holds")
      }
    }
    if !rollout.reason.isEmpty { parts.append(rollout.reason) }
    return parts.joined(separator: ", ")
  }

  private var phaseText: String {
    switch rollout.phase {
    case .running: "running"
    case .paused: "paused"
    case .succeeded: "succeeded"
    case .rolledBack: "rolled back"
    case .unspecified, .UNRECOGNIZED: "-"
    }
  }

  private var shareText: String {
    guard Int(rollout.stage) < rollout.plan.stages.count else { return "-" }
    let stage = rollout.plan.stages[Int(rollout.stage)]
    return stage.canaryPermille == 0 ? "shadow" : "canary \(Self.percent(stage.canaryPermille))"
  }

  private func heading(_ terminal: Terminal) -> String {
    let style: TextStyle =
      switch rollout.phase {
      case .running: .cyan
      case .paused: .yellow
      case .succeeded: .green
      default: .red
      }
    return "\(rollout.candidateVersion) \(terminal.styled(phaseText, style)), in place of \(rollout.baselineVersion) "
      + "(rollout \(rollout.number), generation \(serving.generation))"
  }

  /// "shadow ─ 1% ─ [10%] ─ 50% ─ 100%   4 min 10 s of 30 min"
  private func stageLine(_ terminal: Terminal) -> String {
    let names = rollout.plan.stages.enumerated().map { index, stage in
      let name = stage.canaryPermille == 0 ? "shadow" : Self.percent(stage.canaryPermille)
      return index == Int(rollout.stage) ? terminal.styled("[\(name)]", .bold) : name
    }
    guard serving.isUnderWay, Int(rollout.stage) < rollout.plan.stages.count else {
      return names.joined(separator: " ─ ")
    }
    let stage = rollout.plan.stages[Int(rollout.stage)]
    let time = "\(rollout.stageElapsed.duration.brief) of at least \(stage.minDuration.duration.brief)"
    return names.joined(separator: " ─ ") + "   " + time + (stage.manual ? ", until a person goes on" : "")
  }

  private func table(_ figures: Retrieval_RolloutFigures) -> TextTable {
    var table = TextTable([
      .init(""), .init("QUERIES", .trailing), .init("ERRORS", .trailing), .init("P50 MS", .trailing),
      .init("P99 MS", .trailing), .init("SHADOW", .trailing), .init("SETTLED", .trailing),
    ])
    for (name, version) in [("stable", figures.baseline), ("candidate", figures.candidate)] {
      table.add([
        name, Int(version.queries).grouped, Int(version.errors).grouped, Self.millis(version.p50Micros),
        Self.millis(version.p99Micros), Int(version.shadowSearches).grouped, Int(version.settledAnswers).grouped,
      ])
    }
    return table
  }

  /// Which version failed, why and how often.
  private func failures(_ figures: Retrieval_RolloutFigures) -> [String] {
    [("stable", figures.baseline), ("candidate", figures.candidate)].compactMap { name, version in
      guard !version.failures.isEmpty else { return nil }
      let fallbacks = version.fallbacks == 0 ? "" : ", \(Int(version.fallbacks).grouped) of them answered by stable"
      return "\(name) failed callers: \(version.failureText)\(fallbacks)"
    }
  }

  private func comparison(_ figures: Retrieval_RolloutFigures) -> [String] {
    guard figures.compared + figures.dropped > 0 else { return [] }
    return [
      "compared \(Int(figures.compared).grouped) queries (\(Int(figures.dropped).grouped) dropped): overlap "
        + "\(figures.meanOverlap.rounded(to: 3)), rank-biased \(figures.meanRankBiasedOverlap.rounded(to: 3)), scores "
        + figures.meanScoreDrift.percentText
    ]
  }

  private func outcomes(_ figures: Retrieval_RolloutFigures) -> [String] {
    figures.outcomes.map { outcome in
      "\(outcome.kind): \((outcome.baselineRate * 100).rounded(to: 2))% stable, "
        + "\((outcome.candidateRate * 100).rounded(to: 2))% candidate, difference "
        + "[\(outcome.lower.percentText), \(outcome.upper.percentText)]"
    }
  }

  private func gates(_ figures: Retrieval_RolloutFigures, _ terminal: Terminal) -> [String] {
    figures.gates.map { gate in
      let (mark, style): (String, TextStyle) =
        switch gate.verdict {
        case .open: ("open   ", .green)
        case .failed: ("FAILED ", .red)
        case .holding: ("HOLDS  ", .yellow)
        default: ("waiting", .dim)
        }
      let room = terminal.columns.map { max($0 - 20 - gate.title.count, 20) } ?? .max
      return "gate \(terminal.styled(mark, style)) \(gate.title): \(DisplayWidth.truncated(gate.detail, to: room))"
    }
  }

  private static func percent(_ permille: UInt32) -> String {
    permille % 10 == 0 ? "\(permille / 10)%" : "\((Double(permille) / 10).rounded(to: 1))%"
  }

  private static func millis(_ micros: Double) -> String { micros == 0 ? "-" : (micros / 1000).rounded(to: 2) }
}

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

extension Retrieval_RolloutFigures {
  /// Queries that callers asked, of both versions.
  var queries: UInt64 { baseline.queries + candidate.queries }
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
