// SPDX-License-Identifier: Apache-2.0

import Rollouts
import Synchronization
import VectorIndex

/// What is being measured of one rollout. Its memory is bounded, however much traffic it sees.
final class LiveRollout: Sendable {
  /// A consistent look at the figures.
  struct Snapshot: Sendable {
    let rollout: Rollout
    let evidence: StageEvidence
    let sinceMicros: Int64
    let forgottenAnswers: UInt64
  }

  private struct State {
    var rollout: Rollout
    var evidence = StageEvidence()
    var sinceMicros: Int64
    var answers: ServedAnswers
    var report: RolloutReport

    mutating func addPoint(now: Int64, isLast: Bool) {
      report.add(RolloutReport.Point(evidence, of: rollout, now: now), isLast: isLast)
    }
  }

  let index: String
  let number: UInt64
  private let state: Mutex<State>

  /// - Parameter report: what an earlier process measured of the same rollout. Its points are kept; the figures begin afresh.
  init(_ rollout: Rollout, index: String, maxAnswers: Int, report: RolloutReport?, now: Int64) {
    self.index = index
    number = rollout.number
    let answers = ServedAnswers(capacity: maxAnswers, windowMicros: rollout.plan.outcomeWindowMicros)
    state = Mutex(
      State(
        rollout: rollout, sinceMicros: now, answers: answers, report: report ?? RolloutReport(rollout: rollout)))
  }

  var snapshot: Snapshot {
    state.withLock { state in
      Snapshot(
        rollout: state.rollout, evidence: state.evidence, sinceMicros: state.sinceMicros,
        forgottenAnswers: state.answers.forgotten)
    }
  }

  /// Takes over what the rollout has become; a new stage begins with empty figures. Returns whether a stage or the rollout
  /// ended.
  func update(_ rollout: Rollout, now: Int64) -> Bool {
    state.withLock { state in
      let before = state.rollout
      guard rollout != before else { return false }
      let hasEnded = rollout.stage != before.stage || !rollout.isActive
      if hasEnded { state.addPoint(now: now, isLast: true) }
      state.rollout = rollout
      state.report.rollout = rollout
      if rollout.stage != before.stage {
        state.evidence = StageEvidence()
        state.sinceMicros = now
      }
      return hasEnded
    }
  }

  /// Whether figures of this stage are still gathered.
  func isInStage(_ stage: Int) -> Bool {
    state.withLock { $0.rollout.isActive && $0.rollout.stage == stage }
  }

  /// Counts answers that callers got.
  ///
  /// - Parameter requestID: the caller's; without one no outcome can come back.
  func note(_ answers: [ServedAnswer], requestID: String, stage: Int, now: Int64) {
    state.withLock { state in
      guard stage == state.rollout.stage, state.rollout.isActive else { return }
      for answer in answers {
        guard let arm = answer.served.arm else { continue }
        switch answer.outcome.items {
        case .success(let items):
          state.evidence.noteServed(by: arm, micros: answer.outcome.searchTime / .microseconds(1))
          if requestID.isEmpty { continue }
          state.answers.remember(
            requestID: requestID, queryID: answer.queryID, arm: arm, stage: stage, items: items.map(\.itemID), now: now)
        case .failure:
          state.evidence.noteFailed(by: arm)
        }
      }
    }
  }

  func note(_ comparison: Comparison, stage: Int) {
    state.withLock { state in
      guard stage == state.rollout.stage else { return }
      switch comparison {
      case .done(let lists, let baselineMicros, let candidateMicros):
        state.evidence.noteCompared(lists, baselineMicros: baselineMicros, candidateMicros: candidateMicros)
      case .failed(let arm): state.evidence.noteComparisonFailed(in: arm)
      case .dropped: state.evidence.noteDropped()
      }
    }
  }

  func report(requestID: String, queryID: String, item: String, kind: String) -> ServedAnswers.Join {
    state.withLock { $0.answers.report(requestID: requestID, queryID: queryID, item: item, kind: kind) }
  }

  /// Counts the answers whose time for outcomes is over, and says what the rollout should do next.
  func decide(now: Int64) -> RolloutDecision {
    state.withLock { state in
      for settled in state.answers.settle(now: now) where settled.stage == state.rollout.stage {
        state.evidence.noteSettled(by: settled.arm, kinds: settled.kinds)
      }
      state.addPoint(now: now, isLast: false)
      return RolloutDecision(for: state.rollout, state.evidence, now: now)
    }
  }

  /// What has been measured until now, with the moment itself as the last point.
  func report(now: Int64) -> RolloutReport {
    state.withLock { state in
      if state.rollout.isActive { state.addPoint(now: now, isLast: true) }
      return state.report
    }
  }
}
