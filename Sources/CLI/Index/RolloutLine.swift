// SPDX-License-Identifier: Apache-2.0

import Basics
import ServiceAPI

/// A rollout in one line, for pipes and logs.
struct RolloutLine {
  let serving: Retrieval_ServingState
  let figures: Retrieval_RolloutFigures?

  private var rollout: Retrieval_Rollout { serving.rollout }

  /// "default rollout 1, running, stage 2 of 4, canary 10% (9.8% seen), canary 5 of 51 queries, …"
  var text: String {
    guard serving.hasRollout else { return VisibleText.of("\(serving.index): no rollout") }
    let parts =
      [
        name, rollout.phase.word, "stage \(rollout.stage + 1) of \(rollout.plan.stages.count)", share,
      ] + measured + gates + [rollout.reason].filter { !$0.isEmpty }
    return VisibleText.of(parts.joined(separator: ", "))
  }

  /// "default rollout 1, 2026-11-29 20:40:11 UTC, paused by ann@host: over the weekend"
  func text(of entry: Retrieval_AuditEntry) -> String { VisibleText.of("\(name), \(entry.sentence)") }

  private var name: String { "\(serving.index) rollout \(rollout.number)" }

  private var share: String {
    guard let stage = rollout.presentStage else { return "-" }
    guard stage.canaryPermille > 0 else { return "shadow" }
    let seen = figures?.shares.map { " (\(($0.candidate * 100).rounded(to: 1))% seen)" } ?? ""
    return "canary \(stage.shareText)\(seen)"
  }

  private var measured: [String] {
    guard let figures else { return [] }
    var parts = [
      "canary \(Int(figures.candidate.queries).grouped) of \(Int(figures.queries).grouped) queries"
    ]
    if figures.compared > 0 {
      parts.append("overlap \(figures.meanOverlap.rounded(to: 3)) of \(Int(figures.compared).grouped) compared")
    }
    if figures.candidate.errors > 0 {
      parts.append("\(Int(figures.candidate.errors).grouped) errors of the candidate")
    }
    return parts
  }

  /// What each gate says, while that can still change something.
  private var gates: [String] {
    guard let figures, serving.isUnderWay else { return [] }
    return figures.gates.map { gate in
      let figures = GateFigures(gate)
      let measured = figures.text == nil ? "" : " (\(figures.value), \(figures.bound))"
      return "gate \(gate.title) \(gate.verdict.word.lowercased())\(measured)"
    }
  }
}
