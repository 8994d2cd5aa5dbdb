// SPDX-License-Identifier: Apache-2.0

import Basics
import Testing

@testable import Rollouts

@Suite("No stable version is so bad that the error gate lets everything pass")
struct ErrorBoundTests {
  private let stage = RolloutPlan.Stage(canaryPermille: 500)

  private func reading(
    _ evidence: StageEvidence, _ gates: Gates = Gates(maxErrorRatio: 2, minSamples: 20),
    _ stage: RolloutPlan.Stage? = nil
  ) -> GateReading? {
    gates.readings(of: evidence, in: stage ?? self.stage).first { $0.gate == .errors }
  }

  /// - Parameter rate: of every ten users, so many fail.
  private func note(_ count: Int, of arm: Arm, failing rate: Int, in evidence: inout StageEvidence) {
    for number in 0..<count {
      if number % 10 < rate { evidence.noteFailed(by: arm) } else { evidence.noteServed(by: arm, micros: 5) }
    }
  }

  @Test(arguments: [5, 6, 7, 8])
  func `A candidate that always fails is rolled back, however often the stable version does`(rate: Int) {
    var evidence = StageEvidence()
    note(400, of: .baseline, failing: rate, in: &evidence)
    note(200, of: .candidate, failing: 10, in: &evidence)
    #expect(reading(evidence)?.verdict == .failed)
    #expect((reading(evidence)?.measurement.bound ?? 1) < 0.91)
  }

  @Test(arguments: [0, 1, 5, 8])
  func `A candidate that fails as often as the stable version passes`(rate: Int) {
    var evidence = StageEvidence()
    for arm in Arm.allCases { note(2000, of: arm, failing: rate, in: &evidence) }
    #expect(reading(evidence)?.verdict == .open)
  }

  @Test
  func `An outage of an earlier stage excuses no failures in a stage where the stable version answers`() {
    var before = StageEvidence()
    note(300, of: .baseline, failing: 9, in: &before)
    var evidence = StageEvidence(after: before)
    note(400, of: .baseline, failing: 0, in: &evidence)
    for number in 0..<200 {
      if number % 2 == 0 { evidence.noteFailed(by: .candidate) } else { evidence.noteServed(by: .candidate, micros: 5) }
    }
    #expect(reading(evidence)?.verdict == .failed)
    #expect((reading(evidence)?.measurement.bound ?? 1) < 0.1)
  }

  @Test
  func `Nothing is proven not to be worse while nearly everybody fails, in a stage of no samples either`() throws {
    var gates = Gates(maxErrorRatio: 2, minSamples: 20)
    gates.isErrorNonInferiority = true
    let last = RolloutPlan.Stage(canaryPermille: 1000, minSamples: 0)
    var before = StageEvidence()
    note(400, of: .baseline, failing: 10, in: &before)
    var evidence = StageEvidence(after: before)
    note(840, of: .candidate, failing: 10, in: &evidence)
    evidence.closeWindow()
    let held = try #require(reading(evidence, gates, last))
    #expect(held.verdict == .holding && held.detail.contains("of the last 20 users who asked"))
    let plan = RolloutPlan(stages: [last], gates: gates)
    let rollout = try Rollout(number: 1, candidate: 2, baseline: 1, plan: plan, now: .at(0))
    #expect(!RolloutDecision(for: rollout, evidence, now: .at(9)).isAdvance)
  }

  @Test(arguments: [Arm.candidate, .baseline])
  func `Samples from before an outage pass no stage during it, and do so after it`(arm: Arm) throws {
    let plan = RolloutPlan(
      stages: [stage, .init(canaryPermille: 1000)], gates: Gates(maxErrorRatio: 2, minSamples: 20))
    let rollout = try Rollout(number: 1, candidate: 2, baseline: 1, plan: plan, now: .at(0))
    var evidence = StageEvidence()
    for arm in Arm.allCases { note(5000, of: arm, failing: 0, in: &evidence) }
    #expect(RolloutDecision(for: rollout, evidence, now: .at(1)).isAdvance)
    for _ in 0..<18 { evidence.noteFailed(by: arm) }
    guard case .wait(let conditions) = RolloutDecision(for: rollout, evidence, now: .at(1)) else {
      Issue.record("it must hold")
      return
    }
    #expect(
      conditions.count == 1 && conditions[0].contains("searches of the \(arm) failed for 18 of the last 20 users"))
    for _ in 0..<20 { evidence.noteServed(by: arm, micros: 5) }
    #expect(RolloutDecision(for: rollout, evidence, now: .at(1)).isAdvance)
  }

  @Test
  func `An outage is told by users: one who tries again and again is one, and a stage takes over what was met last`() {
    var recent = RecentUsers()
    #expect(!recent.nearlyAllFailed)
    for user in 0..<10 as Range<UInt64> { recent.note(user, isFailure: false) }
    for _ in 0..<100 { recent.note(3, isFailure: true) }
    #expect(recent.count == 10 && recent.failures == 1 && !recent.nearlyAllFailed)
    for user in 0..<9 as Range<UInt64> { recent.note(user, isFailure: true) }
    #expect(recent.failures == 9 && recent.nearlyAllFailed)
    for _ in 0..<100 { recent.note(nil, isFailure: true) }
    #expect(recent.count == RecentUsers.capacity && recent.failures == RecentUsers.capacity)
    var before = StageEvidence()
    note(20, of: .candidate, failing: 10, in: &before)
    #expect(reading(StageEvidence(after: before))?.verdict == .holding)
  }
}
