// SPDX-License-Identifier: Apache-2.0

import ServiceAPI

/// What `rollout watch` has shown so far, so that each change is read from the audit log, and told, once.
struct WatchedRollout {
  let index: String
  let screen: LiveScreen
  private var trail: [Retrieval_AuditEntry] = []
  private var generation: UInt64?
  private var told: UInt64 = 0

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
    screen.show(
      RolloutView(serving, figures, trail: trail).lines(for: screen.terminal),
      plain: (news + [line.text]).joined(separator: "\n"))
  }
}
