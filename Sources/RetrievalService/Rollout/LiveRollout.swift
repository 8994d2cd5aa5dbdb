// SPDX-License-Identifier: Apache-2.0

import Rollouts
import ServiceSupport
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
    /// Apart from the evidence, which is copied out at every look.
    var keys = DistinctKeys()
    var sinceMicros: Int64
    var answers: ServedAnswers
    var report: RolloutReport

    mutating func addPoint(now: Moment, isLast: Bool) {
      report.add(RolloutReport.Point(evidence, of: rollout, now: now), isLast: isLast)
    }
  }

  let index: String
  let number: UInt64
  private let state: Mutex<State>

  /// - Parameter report: what an earlier process measured of the same rollout. Its points are kept; the figures begin afresh.
  init(_ rollout: Rollout, index: String, maxAnswers: Int, report: RolloutReport?, now: Moment) {
    self.index = index
    number = rollout.number
    let answers = ServedAnswers(capacity: maxAnswers, windowMicros: rollout.plan.outcomeWindowMicros)
    state = Mutex(
      State(
        rollout: rollout, sinceMicros: now.wallMicros, answers: answers,
        report: report ?? RolloutReport(rollout: rollout)))
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
  func update(_ rollout: Rollout, now: Moment) -> Bool {
    state.withLock { state in
      let before = state.rollout
      guard rollout != before else { return false }
      let hasEnded = rollout.stage != before.stage || !rollout.isActive
      if hasEnded { state.addPoint(now: now, isLast: true) }
      state.rollout = rollout
      state.report.rollout = rollout
      if rollout.stage != before.stage {
        state.evidence = StageEvidence()
        state.keys = DistinctKeys()
        state.sinceMicros = now.wallMicros
      }
      return hasEnded
    }
  }

  /// Whether figures of this stage are still gathered.
  func isInStage(_ stage: Int) -> Bool {
    state.withLock { $0.rollout.isActive && $0.rollout.stage == stage }
  }

  /// Counts what callers got of each version: answers and failures.
  ///
  /// - Parameters:
  ///   - requestID: the caller's; without one no outcome can come back.
  ///   - stage: in which the queries were routed.
  ///   - countsKeys: whether the plan's share says which keys go to the candidate.
  func note(_ answers: [ServedAnswer], requestID: String, stage: Int, countsKeys: Bool = true, now: Moment) {
    state.withLock { state in
      guard state.rollout.isActive else { return }
      for answer in answers {
        guard let arm = answer.served.arm else { continue }
        if countsKeys, stage == state.rollout.stage, let key = answer.key, state.keys.insert(key) {
          state.evidence.noteKey(of: arm)
        }
        switch answer.items {
        case .success(let items):
          guard stage == state.rollout.stage else { continue }
          state.evidence.noteServed(by: arm, micros: answer.searchTime / .microseconds(1))
          if requestID.isEmpty { continue }
          state.answers.remember(
            requestID: requestID, queryID: answer.queryID, arm: arm, stage: stage, items: items.map(\.itemID),
            now: now.steadyMicros)
        case .failure(let failure):
          // Also where the stage has changed meanwhile: a version that fails by taking too long would never be caught.
          state.evidence.noteFailed(by: arm, reason: failure.reason, fellBack: answer.fellBack)
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
  func decide(now: Moment) -> RolloutDecision {
    state.withLock { state in
      for settled in state.answers.settle(now: now.steadyMicros) where settled.stage == state.rollout.stage {
        state.evidence.noteSettled(by: settled.arm, kinds: settled.kinds)
      }
      state.addPoint(now: now, isLast: false)
      return RolloutDecision(for: state.rollout, state.evidence, now: now)
    }
  }

  /// What has been measured until now.
  ///
  /// - Parameter addsPoint: with the moment itself as the last point, whatever the time since the one before.
  func report(addsPoint: Bool = true, now: Moment) -> RolloutReport {
    state.withLock { state in
      var report = state.report
      if addsPoint, state.rollout.isActive {
        report.add(RolloutReport.Point(state.evidence, of: state.rollout, now: now), isLast: true)
      }
      // A start takes the stage's time from here.
      report.rollout = state.rollout.keepingTime(now: now)
      return report
    }
  }
}
