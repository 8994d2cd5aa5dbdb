// SPDX-License-Identifier: Apache-2.0

import Basics
import Rollouts
import VectorIndex

extension LiveRollout {
  /// Under the lock of the rollout.
  struct State {
    var rollout: Rollout
    /// Of the serving state that it was read from last.
    var generation: UInt64 = 0
    var evidence: StageEvidence
    // Who has been met: apart from the evidence, which is copied out at every look.
    private var keys = DistinctKeys()
    private var windows = WindowClock()
    private var callers = UserWindows()
    private var compared = UserWindows()
    var sinceMicros: Int64
    var outcomes: OutcomeLedger
    var answers: RememberedAnswers
    var report: RolloutReport

    init(
      rollout: Rollout, sinceMicros: Int64, outcomes: OutcomeLedger, answers: RememberedAnswers, report: RolloutReport,
      evidence: StageEvidence
    ) {
      self.evidence = evidence
      self.rollout = rollout
      self.sinceMicros = sinceMicros
      self.outcomes = outcomes
      self.answers = answers
      self.report = report
    }

    /// Another stage begins, with empty figures.
    mutating func beginStage(now: Moment) {
      evidence = StageEvidence(after: evidence)
      keys = DistinctKeys()
      (callers, compared) = (UserWindows(), UserWindows())
      outcomes.begin(stage: rollout.stage)
      sinceMicros = now.wallMicros
    }

    mutating func addPoint(now: Moment, isLast: Bool) {
      // Reading the gates is too long for a lock that every search takes, where nobody keeps what they say.
      guard isLast || report.isDue(stage: rollout.stage, now: now) else { return }
      report.add(RolloutReport.Point(evidence, of: rollout, now: now), isLast: isLast)
    }
  }
}

extension LiveRollout.State {
  mutating func note(_ user: UserKey, of arm: Arm) {
    if keys.insert(user) { evidence.noteKey(of: arm) }
  }

  mutating func noteServed(by arm: Arm, micros: Double, _ user: UserKey) {
    evidence.noteServed(by: arm, micros: micros, seen: callers.see(user, of: arm, isFailure: false))
  }

  mutating func noteFailed(by arm: Arm, reason: String, fellBack: Bool = false, _ user: UserKey) {
    let seen = callers.see(user, of: arm, isFailure: true)
    evidence.noteFailed(by: arm, reason: reason, fellBack: fellBack, seen: seen)
  }

  mutating func noteCompared(
    _ lists: RankedListComparison?, baselineMicros: Double, candidateMicros: Double, _ user: UserKey
  ) {
    let seen = Arm.allCases.map { compared.see(user, of: $0, isFailure: false) }
    evidence.noteCompared(
      lists, baselineMicros: baselineMicros, candidateMicros: candidateMicros, seen: { seen[$0.rawValue] })
  }

  mutating func noteComparisonFailed(in arm: Arm, _ user: UserKey) {
    evidence.noteComparisonFailed(in: arm, seen: compared.see(user, of: arm, isFailure: true))
  }

  /// Closes the last user windows when others have begun.
  mutating func turnWindow(now: Moment) {
    guard windows.turn(now: now.steadyMicros) else { return }
    callers.beginWindow()
    compared.beginWindow()
    evidence.closeWindow()
  }

  /// Counts an answer. The repetition of a request that is remembered is the same answer, as long as the same version gives it.
  ///
  /// - Parameter key: of the request and the query; nil where nothing tells a repetition.
  mutating func give(
    _ items: [ScoredItem], by arm: Arm, to key: AnswerKey?, now: Int64
  ) -> RememberedAnswers.Answer {
    let known = key.flatMap { answers.answer(to: $0)?.given }
    let isSame = known.map { $0.arm == arm && $0.stage == rollout.stage } ?? false
    return RememberedAnswers.Answer(
      given: (isSame ? known : nil) ?? outcomes.give(by: arm, now: now), items: items.map { ItemHash.of($0.itemID) })
  }

  mutating func report(
    _ answer: RememberedAnswers.Answer, item: String, kind: String, now: Moment
  ) -> OutcomeJoin {
    let hash = ItemHash.of(item)
    guard answer.items.contains(hash) else { return .itemNotServed }
    guard rollout.isActive else { return .notMeasured }
    return outcomes.report(answer.given, item: hash, kind: Identifier(kind), now: now.steadyMicros)
  }
}
