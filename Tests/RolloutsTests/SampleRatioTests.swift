// SPDX-License-Identifier: Apache-2.0

import Basics
import Testing

@testable import Rollouts

@Suite("The observed share of routing keys is compared with the plan's")
struct SampleRatioTests {
  private let stage = RolloutPlan.Stage(canaryPermille: 100, minSamples: 0)

  private func reading(_ candidate: Int, of count: Int, _ stage: RolloutPlan.Stage? = nil) -> GateReading? {
    var evidence = StageEvidence()
    for number in 0..<count { evidence.noteKey(of: number < candidate ? .candidate : .baseline) }
    return Gates().readings(of: evidence, in: stage ?? self.stage).first { $0.gate == .sampleRatio }
  }

  @Test
  func `A share that cannot be chance holds the stage, however long it lasts, and says so`() throws {
    #expect(reading(0, of: 0)?.verdict == .open && reading(0, of: 20)?.verdict == .open)
    #expect(reading(100, of: 1000)?.verdict == .open && reading(80, of: 1000)?.verdict == .open)
    let few = try #require(reading(30, of: 1000))
    #expect(few.verdict == .holding && few.detail.contains("no figure can be trusted"))
    #expect(reading(200, of: 1000)?.verdict == .holding)
    var evidence = StageEvidence()
    for number in 0..<1000 { evidence.noteKey(of: number < 30 ? .candidate : .baseline) }
    let plan = RolloutPlan(stages: [stage, .init(canaryPermille: 1000)])
    let rollout = try Rollout(number: 1, candidate: 2, baseline: 1, plan: plan, now: .at(0))
    guard case .wait(let conditions) = RolloutDecision(for: rollout, evidence, now: .at(1_000_000)) else {
      Issue.record("it must hold")
      return
    }
    #expect(conditions.count == 1 && conditions[0].hasPrefix("gate sample_ratio: the candidate has 30 of 1000"))
  }

  @Test
  func `The gate is on by default, can be turned off, and is silent where one version answers everybody`() {
    #expect(reading(5, of: 10, .init(canaryPermille: 1000)) == nil)
    #expect(reading(5, of: 10, .init(canaryPermille: 0, shadowPermille: 10)) == nil)
    var gates = Gates()
    gates.sampleRatioErrorProbability = 0
    #expect(gates.readings(of: StageEvidence(), in: stage).isEmpty)
  }

  @Test
  func `Users who ask much count once, and looking all the time cries wolf in few of 300 stages`() {
    var keys = DistinctKeys()
    let areNew = ["a", "a", "\u{e9}", "e\u{301}"].map { keys.insert(UserKey($0)) }
    #expect(areNew == [true, false, true, true])
    var gates = Gates()
    gates.sampleRatioErrorProbability = 0.05
    var alarms = 0
    for rollout in 1...300 as ClosedRange<UInt64> {
      let split = TrafficSplit(index: "items", rollout: rollout, permille: 100)
      var (evidence, isAlarm) = (StageEvidence(), false)
      for user in 0..<400 {
        evidence.noteKey(of: split.takesCanary("user \(user)") ? .candidate : .baseline)
        if user % 4 != 0 { continue }
        isAlarm = isAlarm || gates.readings(of: evidence, in: stage).contains { $0.verdict == .holding }
      }
      if isAlarm { alarms += 1 }
    }
    // 15 expected at most; four standard deviations.
    #expect(alarms <= 30)
  }

  @Test
  func `Keys beyond the first 65,536 are not counted`() {
    var keys = DistinctKeys()
    let areNew = (0..<70_000).map { keys.insert(UserKey("\($0)")) }
    #expect(areNew.count(where: \.self) == DistinctKeys.capacity)
  }
}
