// SPDX-License-Identifier: Apache-2.0

import Rollouts
package import VectorIndex

/// Everything that changes a store, to be broken at each disk operation it makes.
package enum StoreChange: String, CaseIterable, Sendable {
  case firstPublication
  case publication
  case unsortedPublication
  case graphPublication
  case promotion
  case rollback
  case deletion
  case rolloutStart
  case rolloutAdvance
  case rolloutPause
  case rolloutRollback
  case rolloutSuccess
  case report

  /// Told apart by their sizes.
  package static let catalogs = [served, sorted, unsorted]
  private static let served = Catalog(count: 12, dim: 3, seed: 1, shuffled: false)
  private static let sorted = Catalog(count: 17, dim: 3, seed: 2, shuffled: false)
  private static let unsorted = Catalog(count: 23, dim: 3, seed: 3)

  private static let plan = RolloutPlan(stages: [.init(canaryPermille: 10), .init(canaryPermille: 500)])
  private static let candidate = VersionName(index: "items", number: 2)

  /// Whether a rollout is under way before.
  private var needsRollout: Bool {
    [.rolloutAdvance, .rolloutPause, .rolloutRollback, .rolloutSuccess].contains(self)
  }

  /// What must have happened before the change.
  package func prepare(_ store: VersionStore) throws {
    if self == .firstPublication { return }
    for _ in 0..<3 { try store.publish(Self.served) }
    if self == .rollback { _ = try store.promote(Self.candidate) }
    if needsRollout { _ = try store.startRollout(of: Self.candidate, plan: Self.plan) }
  }

  /// Makes the change unless it was made.
  package func perform(on store: VersionStore) throws {
    // The id makes a second try after a change that was made without an answer harmless.
    let once = ChangeRequest(actor: "test", reason: "why", requestID: rawValue)
    switch self {
    case .firstPublication, .publication: try store.publish(Self.sorted, requestID: "once")
    case .unsortedPublication: try store.publish(Self.unsorted, requestID: "once")
    case .graphPublication:
      try store.publish(Self.unsorted, requestID: "once", graph: .build(m: 4, efConstruction: 20))
    case .promotion, .rolloutSuccess: _ = try store.promote(Self.candidate, once)
    case .rollback: _ = try store.rollBack(index: "items", once)
    case .deletion:
      let third = VersionName(index: "items", number: 3)
      if (try? store.version(third)) != nil { try store.delete(third, once) }
    case .rolloutStart: _ = try store.startRollout(of: Self.candidate, plan: Self.plan, once)
    case .rolloutAdvance: _ = try store.advanceRollout(of: "items", once)
    case .rolloutPause: _ = try store.pauseRollout(of: "items", once)
    case .rolloutRollback: _ = try store.rollBackRollout(of: "items", once)
    case .report:
      let rollout = try Rollout(number: 1, candidate: 2, baseline: 1, plan: Self.plan, now: .now)
      try store.save(RolloutReport(rollout: rollout), of: "items")
    }
  }

  /// What is published in which roles, newest first, and where its rollout is; numbers may have gaps.
  package static func state(of store: VersionStore) throws -> [String] {
    try store.indexNames.flatMap { index in
      let serving = try store.servingState(of: index)
      let rollout = serving.rollout.map { "rollout \($0.number) \($0.phase) in stage \($0.stage)" }
      let report = try store.report(of: index, rollout: 1).map { "report of \($0.rollout.number)" }
      return try [rollout, report].compactMap(\.self)
        + store.versions(of: index).map { "\($0.info.itemCount) items \($0.info.fingerprint.prefix(6)) \($0.roles)" }
    }
  }
}
