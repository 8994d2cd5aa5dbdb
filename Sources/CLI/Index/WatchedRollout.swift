// SPDX-License-Identifier: Apache-2.0

import Basics
import ServiceAPI

/// What `rollout watch` has shown so far, so that each change is read from the audit log, and told, once.
struct WatchedRollout {
  let index: String
  let screen: LiveScreen
  private var trail: [Retrieval_AuditEntry] = []
  private var generation: UInt64?
  private var told: UInt64 = 0
  private var lines: [String] = []

  init(index: String, screen: LiveScreen) { (self.index, self.screen) = (index, screen) }

  mutating func show(_ message: Retrieval_WatchRolloutResponse, _ admin: IndexAdmin) async throws {
    let serving = message.servingState
    if serving.hasRollout, generation != serving.generation {
      trail = try await RolloutTrail.entries(of: index, rollout: serving.rollout.number, admin)
      generation = serving.generation
    }
    let figures = message.hasFigures ? message.figures : nil
    let line = RolloutLine(serving: serving, figures: figures)
    let news = trail.filter { $0.number > told }.map(line.text(of:))
    told = trail.last?.number ?? told
    lines = RolloutView(serving, figures, trail: trail).lines(for: screen.terminal)
    screen.show(lines, plain: (news + [line.text]).joined(separator: "\n"))
  }

  /// The rollout has ended, and another one has begun before that could be shown.
  ///
  /// - Parameters:
  ///   - trail: of the one that has ended.
  ///   - serving: what serves now.
  func showEnd(
    of number: UInt64, _ phase: Retrieval_RolloutPhase, trail: [Retrieval_AuditEntry],
    now serving: Retrieval_ServingState
  ) {
    let name = "\(index) rollout \(number)"
    let news = trail.filter { $0.number > told }.map { VisibleText.of("\(name), \($0.sentence)") }
    let since = serving.hasRollout ? "; rollout \(serving.rollout.number) has begun since" : ""
    let end = VisibleText.of("\(name), \(phase.word)\(since)")
    screen.show(lines + news + [end], plain: (news + [end]).joined(separator: "\n"))
  }

  /// - Parameter isJSON: whether nothing but objects may go to the standard output.
  func showAway(isJSON: Bool) {
    let text = "the retrieval service is away; watching goes on when it is back"
    if isJSON { return Terminal.standardError.writeLine(text) }
    screen.show(lines + [text], plain: text)
  }
}
