// SPDX-License-Identifier: Apache-2.0

import Basics
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
    let forgottenRequests: UInt64
  }

  let index: String
  let number: UInt64
  private let comparisons: ComparisonCounters
  private let state: Mutex<State>

  /// - Parameter report: what an earlier process measured of the same rollout. Its points are kept, answers whose time for
  ///   outcomes is not over, and how often the baseline failed; the other figures begin afresh.
  init(_ rollout: Rollout, index: String, maxAnswers: Int, report: RolloutReport?, now: Moment) {
    self.index = index
    number = rollout.number
    comparisons = ComparisonCounters(index: index)
    let window = rollout.plan.outcomeWindowMicros
    let outcomes = OutcomeLedger(
      stage: rollout.stage, windowMicros: window, capacity: maxAnswers,
      kinds: rollout.plan.gates.outcomes.map { Identifier($0.kind) }, continuing: report?.pendingOutcomes,
      now: now.steadyMicros)
    state = Mutex(
      State(
        rollout: rollout, sinceMicros: now.wallMicros, outcomes: outcomes,
        answers: RememberedAnswers(capacity: maxAnswers, windowMicros: window),
        report: report ?? RolloutReport(rollout: rollout),
        evidence: StageEvidence(baselineFailuresBefore: report?.baselineFailures ?? Trials())))
  }

  var snapshot: Snapshot {
    state.withLock { state in
      Snapshot(
        rollout: state.rollout, evidence: state.evidence, sinceMicros: state.sinceMicros,
        forgottenAnswers: state.outcomes.forgotten, forgottenRequests: state.answers.forgotten)
    }
  }

  /// Takes over what the rollout has become; a new stage begins with empty figures. Returns whether a stage or the rollout
  /// ended.
  ///
  /// - Parameter generation: of the serving state that it was read from. Of two who read at the same time, the one with the older state
  ///   may come second: it changes nothing.
  func update(_ rollout: Rollout, generation: UInt64 = 0, now: Moment) -> Bool {
    state.withLock { state in
      let before = state.rollout
      guard generation >= state.generation else { return false }
      state.generation = generation
      guard rollout != before else { return false }
      let hasEnded = rollout.stage != before.stage || !rollout.isActive
      if hasEnded { state.addPoint(now: now, isLast: true) }
      state.rollout = rollout
      state.report.rollout = rollout
      if rollout.stage != before.stage {
        state.beginStage(now: now)
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
  ///   - requestID: the caller's; without one outcomes need the answers' tokens.
  ///   - stage: in which the queries were routed.
  /// - Returns: by the answers' places in their request, what their tokens say.
  @discardableResult
  func note(
    _ answers: [ServedAnswer], requestID: String, stage: Int, now: Moment
  ) -> [Int: OutcomeToken] {
    let keys = answers.map { AnswerKey(requestID: requestID, queryID: $0.queryID) }
    let users = answers.map { UserKey($0.key ?? "") }
    return state.withLock { state in
      guard state.rollout.isActive else { return [:] }
      state.turnWindow(now: now)
      let isInStage = stage == state.rollout.stage
      state.answers.expire(now: now.steadyMicros)
      var given: [(place: Int, key: AnswerKey, answer: RememberedAnswers.Answer)] = []
      for ((answer, key), user) in zip(zip(answers, keys), users) {
        guard let arm = answer.served.arm else { continue }
        if answer.isInPlaceOfCandidate {
          if isInStage, case .success = answer.items { state.evidence.noteFallback() }
          continue
        }
        if answer.isBySplit, isInStage, answer.key != nil { state.note(user, of: arm) }
        switch answer.items {
        case .success(let items):
          guard isInStage else { continue }
          state.noteServed(by: arm, micros: answer.searchTime / .microseconds(1), user)
          let canRepeat = !requestID.isEmpty && !answer.queryID.isEmpty
          given.append(
            (answer.place, key, state.give(items, by: arm, to: canRepeat ? key : nil, now: now.steadyMicros)))
        case .failure(let failure):
          // Also where the stage has changed meanwhile: a version that fails by taking too long would never be caught.
          state.noteFailed(by: arm, reason: failure.reason, fellBack: answer.fellBack, user)
        }
      }
      // Once all are counted: two queries of one id in a request are two answers.
      if !requestID.isEmpty {
        for (_, key, answer) in given { state.answers.remember(answer, to: key, now: now.steadyMicros) }
      }
      return Dictionary(uniqueKeysWithValues: given.map { ($0.place, $0.answer.token(ofRollout: number)) })
    }
  }

  /// Counts users whom a version was to answer and who failed before the search.
  ///
  /// - Returns: how many were counted.
  func note(_ failures: [EarlyFailure], now: Moment) -> Int {
    state.withLock { state in
      guard state.rollout.isActive else { return 0 }
      state.turnWindow(now: now)
      let split = TrafficSplit(index: index, rollout: number, permille: state.rollout.currentStage.canaryPermille)
      // A key that the share gives to the other version, by now or ever, cannot have met this one.
      let possible = failures.filter { !$0.key.isEmpty && split.takesCanary($0.key) == ($0.arm == .candidate) }
      for failure in possible {
        let user = UserKey(failure.key)
        state.noteFailed(by: failure.arm, reason: failure.reason, user)
        state.note(user, of: failure.arm)
      }
      return possible.count
    }
  }

  /// Counts comparisons that their caller chose and had no room for.
  func noteDropped(_ count: Int, stage: Int) {
    comparisons.countDropped(count)
    state.withLock { state in
      guard stage == state.rollout.stage else { return }
      state.evidence.noteDropped(count)
    }
  }

  /// Counts a comparison.
  ///
  /// - Parameter key: by which the compared user was routed; empty where nobody knows.
  func note(_ comparison: Comparison, key: String, stage: Int, now: Moment) {
    let user = UserKey(key)
    comparisons.count(comparison)
    state.withLock { state in
      guard stage == state.rollout.stage else { return }
      state.turnWindow(now: now)
      switch comparison {
      case .done(let lists, let baselineMicros, let candidateMicros, let ranks):
        state.noteCompared(
          ranks ? lists : nil, baselineMicros: baselineMicros, candidateMicros: candidateMicros, user)
      case .failed(let arm): state.noteComparisonFailed(in: arm, user)
      case .dropped: state.evidence.noteDropped()
      }
    }
  }

  /// Counts users who could not be encoded to be compared.
  ///
  /// - Parameters:
  ///   - count: how many.
  ///   - keys: by which they were routed, as far as that is known.
  func noteComparisonsFailed(_ count: Int, in arm: Arm, keys: [String], stage: Int, now: Moment) {
    guard count > 0 else { return }
    let known = keys.prefix(count).map(UserKey.init)
    state.withLock { state in
      guard stage == state.rollout.stage else { return }
      state.turnWindow(now: now)
      for user in known { state.noteComparisonFailed(in: arm, user) }
      for _ in known.count..<count { state.evidence.noteComparisonFailed(in: arm) }
    }
  }

  /// Counts an outcome of the answer that is remembered by the ids of its request.
  func report(requestID: String, queryID: String, item: String, kind: String, now: Moment) -> OutcomeJoin {
    let key = AnswerKey(requestID: requestID, queryID: queryID)
    return state.withLock { state in
      state.answers.expire(now: now.steadyMicros)
      guard let answer = state.answers.answer(to: key) else { return .unknownAnswer }
      return state.report(answer, item: item, kind: kind, now: now)
    }
  }

  /// Counts an outcome of the answer that the token names.
  func report(_ token: OutcomeToken, item: String, kind: String, now: Moment) -> OutcomeJoin {
    guard token.rollout == number else { return .notMeasured }
    let answer = RememberedAnswers.Answer(given: token.answer, items: token.items)
    return state.withLock { $0.report(answer, item: item, kind: kind, now: now) }
  }

  /// What waits for its time for outcomes to pass, for a file; nil once the rollout has ended.
  func pendingOutcomes(now: Moment) -> OutcomeLedger.Saved? {
    state.withLock { $0.rollout.isActive ? $0.outcomes.saved(now: now.steadyMicros) : nil }
  }

  /// Counts the answers whose time for outcomes is over, and says what the rollout should do next.
  func decide(now: Moment) -> RolloutDecision {
    state.withLock { state in
      state.turnWindow(now: now)
      state.answers.expire(now: now.steadyMicros)
      for settled in state.outcomes.settle(now: now.steadyMicros) { state.evidence.noteSettled(settled) }
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
      report.baselineFailures = state.evidence.allBaselineFailures
      return report
    }
  }
}

extension RememberedAnswers.Answer {
  fileprivate func token(ofRollout number: UInt64) -> OutcomeToken {
    OutcomeToken(rollout: number, answer: given, items: items)
  }
}
