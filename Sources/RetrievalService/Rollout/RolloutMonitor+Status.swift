// SPDX-License-Identifier: Apache-2.0

import Rollouts
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import VectorIndex

/// What serves an index, and the figures of the stage that it is in.
struct RolloutStatus: Sendable {
  let serving: ServingState
  /// Nil while nothing is measured of its rollout.
  let figures: LiveRollout.Snapshot?
  /// Whether the candidate answers nobody, although the serving state does not say so: its rollback cannot be written down.
  let isHalted: Bool
  /// Why the stage, which is over, does not end; nil where that is not so.
  var stuckReason: String?

  var figuresMessage: Retrieval_RolloutFigures? {
    var message = figures.map { Retrieval_RolloutFigures($0) }
    if isHalted {
      message?.waitingFor = [
        "a disk that takes the rollback, which a gate has decided: until it is written down the candidate answers nobody"
      ]
    } else if let stuckReason {
      message?.waitingFor.append("a disk that takes the next stage, for which all else is there: \(stuckReason)")
    }
    return message
  }
}

extension RolloutMonitor {
  /// Changes that may come between, before figures are left out.
  private static let maxLooks = 8

  /// What serves the index now. A change is in the store a moment before it is here: then it is taken over first, so that no state
  /// is told with the figures of the stage before.
  func status(of index: String) async throws(ServiceFailure) -> RolloutStatus {
    var serving = try servingState(of: index)
    for _ in 0..<Self.maxLooks {
      guard let rollout = serving.rollout, let live = live(of: index), live.number == rollout.number else { break }
      let snapshot = live.snapshot
      if snapshot.rollout.isAtSamePoint(as: rollout) { return status(serving, snapshot) }
      await refresh(index)
      serving = try servingState(of: index)
    }
    return status(serving, nil)
  }

  private func status(_ serving: ServingState, _ figures: LiveRollout.Snapshot?) -> RolloutStatus {
    let isHalted = serving.activeRollout.map { store.isHalted(serving.index, rollout: $0.number) } ?? false
    return RolloutStatus(
      serving: serving, figures: figures, isHalted: isHalted,
      stuckReason: serving.activeRollout.flatMap { _ in reasonForStuckStage(in: serving) })
  }

  private func servingState(of index: String) throws(ServiceFailure) -> ServingState {
    try mappingFailures(fields: ["index"]) { () throws(VectorIndexError) in try store.servingState(of: index) }
  }
}

extension Rollout {
  /// Whether the other is this rollout in the same stage and phase; how long they have run may differ.
  fileprivate func isAtSamePoint(as other: Rollout) -> Bool {
    number == other.number && stage == other.stage && phase == other.phase
  }
}

extension RolloutBroadcast {
  convenience init(of monitor: RolloutMonitor) {
    self.init(
      Source { index in
        try mappingFailures(fields: ["index"]) { () throws(VectorIndexError) in
          try monitor.store.servingState(of: index).generation
        }
      } message: { index in
        let status = try await monitor.status(of: index)
        return .with {
          $0.servingState = Retrieval_ServingState(status.serving)
          if let figures = status.figuresMessage { $0.figures = figures }
        }
      })
  }
}
