// SPDX-License-Identifier: Apache-2.0

import ServiceAPI

/// A rollout as people see it at a terminal. Lines are wrapped by words and never cut.
struct RolloutView {
  let serving: Retrieval_ServingState
  /// Nil when nothing was measured yet.
  let figures: Retrieval_RolloutFigures?
  /// Who did what to it, oldest first.
  let trail: [Retrieval_AuditEntry]

  init(
    _ serving: Retrieval_ServingState, _ figures: Retrieval_RolloutFigures?, trail: [Retrieval_AuditEntry] = []
  ) {
    (self.serving, self.figures, self.trail) = (serving, figures, trail)
  }

  private static let shownChanges = 6

  private var rollout: Retrieval_Rollout { serving.rollout }

  func write(to terminal: Terminal) {
    for line in lines(for: terminal) { terminal.writeLine(line) }
  }

  /// Everything, in lines that fit the terminal.
  func lines(for terminal: Terminal) -> [String] {
    guard serving.hasRollout else {
      return WrappedText("Index \(answer). No rollout yet.").lines(for: terminal)
    }
    var lines = summary.flatMap { $0.lines(for: terminal) }
    if let figures {
      let since = WrappedText("in this stage, since \(figures.since.secondText) UTC", style: .dim, indent: 2)
      lines += [""] + since.lines(for: terminal) + arms(figures, terminal)
      lines += (measured(figures) + gates(figures)).flatMap { $0.lines(for: terminal) }
    }
    return trail.isEmpty ? lines : lines + [""] + changes.flatMap { $0.lines(for: terminal) }
  }

  /// "default answers from default/versions/3"
  private var answer: String {
    serving.stableVersion.isEmpty
      ? "\(serving.index) serves nothing: choose a version with illmrec index promote"
      : "\(serving.index) answers from \(serving.stableVersion)"
  }

  private var summary: [WrappedText] {
    [heading, stages] + (rollout.reason.isEmpty ? [] : [WrappedText("why: \(rollout.reason)", indent: 2)])
      + (serving.isUnderWay || serving.stableVersion.isEmpty
        ? [] : [WrappedText("index \(answer)", indent: 2)])
  }

  private var heading: WrappedText {
    let style: TextStyle =
      switch rollout.phase {
      case .running: .cyan
      case .paused: .yellow
      case .succeeded: .green
      default: .red
      }
    var text = WrappedText("\(rollout.candidateVersion) ")
    text.add(rollout.phase.word, style)
    text.add(", in place of \(rollout.baselineVersion) (rollout \(rollout.number), generation \(serving.generation))")
    return text
  }

  /// "shadow ─ 1% ─ [10%] ─ 50% ─ 100%   4 min 10 s of at least 30 min"
  private var stages: WrappedText {
    var text = WrappedText(indent: 2)
    for (index, stage) in rollout.plan.stages.enumerated() {
      if index > 0 { text.add(" ─ ") }
      let isPresent = index == Int(rollout.stage)
      text.add(isPresent ? "[\(stage.shareText)]" : stage.shareText, isPresent ? .bold : nil)
    }
    guard serving.isUnderWay, let stage = rollout.presentStage else { return text }
    text.add("   \(rollout.stageElapsed.duration.brief) of at least \(stage.minDuration.duration.brief)")
    if stage.manual { text.add(", until a person goes on") }
    return text
  }

  private func measured(_ figures: Retrieval_RolloutFigures) -> [WrappedText] {
    (failures(figures) + comparison(figures) + outcomes(figures)).map { WrappedText($0, indent: 2) }
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

  /// A line for each gate, and the words of those that keep the rollout from going on.
  private func gates(_ figures: Retrieval_RolloutFigures) -> [WrappedText] {
    var lines = figures.gates.map { gate in
      var text = WrappedText("gate ", indent: 2, hanging: 13)
      text.add(gate.verdict.word, gate.verdict.style)
      text.add(String(repeating: " ", count: 8 - gate.verdict.word.count) + gate.title + ": ")
      let figures = GateFigures(gate).text
      let explains = figures == nil || [.failed, .holding].contains(gate.verdict)
      text.add([figures, explains ? gate.detail : nil].compactMap(\.self).joined(separator: "; "))
      return text
    }
    if serving.isUnderWay, !figures.waitingFor.isEmpty {
      lines.append(WrappedText("waits for: " + figures.waitingFor.joined(separator: "; "), indent: 2))
    }
    return lines
  }

  private var changes: [WrappedText] {
    var head = [WrappedText("who and why", style: .dim, indent: 2)]
    let earlier = trail.count - Self.shownChanges
    if earlier > 0 {
      head.append(WrappedText("… \(earlier.counted("earlier change")): illmrec index log", style: .dim, indent: 2))
    }
    return head + trail.suffix(Self.shownChanges).map { WrappedText($0.sentence, indent: 2) }
  }
}

extension Retrieval_GateVerdict {
  fileprivate var style: TextStyle {
    switch self {
    case .open: .green
    case .failed: .red
    case .holding: .yellow
    case .waiting, .unspecified, .UNRECOGNIZED: .dim
    }
  }
}
