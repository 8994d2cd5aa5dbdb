// SPDX-License-Identifier: Apache-2.0

import Basics
import Foundation
import TestSupport
import Testing

@testable import Rollouts

@Suite("Gates watch a candidate")
struct GateTests {
  private func verdict(_ gates: Gates, _ evidence: StageEvidence) -> GateReading.Verdict? {
    gates.readings(of: evidence, in: .init(canaryPermille: 100, shadowPermille: 100))
      .first { $0.gate != .sampleRatio }?.verdict
  }

  @Test
  func `One early error is chance, many are proof; what the baseline fails too is allowed`() {
    let gates = Gates(maxErrorRatio: 2, minSamples: 20)
    var evidence = StageEvidence()
    evidence.noteFailed(by: .candidate)
    #expect(verdict(gates, evidence) == .holding, "whoever asked last met a failure")
    for _ in 0..<40 { evidence.noteServed(by: .candidate, micros: 5) }
    #expect(verdict(gates, evidence) == .open)
    for _ in 0..<8 { evidence.noteFailed(by: .candidate) }
    #expect(verdict(gates, evidence) == .failed)
    for _ in 0..<20 { evidence.noteServed(by: .candidate, micros: 5) }
    for number in 0..<80 {
      if number % 2 == 0 { evidence.noteFailed(by: .baseline) } else { evidence.noteServed(by: .baseline, micros: 5) }
    }
    #expect(verdict(gates, evidence) == .open, "now the baseline fails as well")
  }

  @Test
  func `A baseline of whom next to nothing was seen allows no more than one that never fails`() {
    let gates = Gates(maxErrorRatio: 2, minSamples: 20)
    var evidence = StageEvidence()
    for _ in 0..<19 { evidence.noteFailed(by: .baseline) }
    for _ in 0..<100 { evidence.noteFailed(by: .candidate) }
    #expect(verdict(gates, evidence) == .failed)
  }

  /// Windows that failed, of how many, by version.
  private func evidence(baseline: (Int, of: Int), candidate: (Int, of: Int), before: Trials = Trials()) -> StageEvidence
  {
    var evidence = StageEvidence(baselineFailuresBefore: before)
    for (arm, windows) in [(Arm.baseline, baseline), (.candidate, candidate)] {
      let (failed, all) = windows
      for number in 0..<all {
        // Spread, so that it is no outage.
        if number * failed / all != (number + 1) * failed / all {
          evidence.noteFailed(by: arm)
        } else {
          evidence.noteServed(by: arm, micros: 5)
        }
      }
    }
    return evidence
  }

  @Test
  func `A candidate that fails as often as a baseline of whom little was seen passes`() {
    let gates = Gates(maxErrorRatio: 2, minSamples: 100)
    #expect(verdict(gates, evidence(baseline: (10, of: 95), candidate: (10, of: 105))) == .open)
    #expect(verdict(gates, evidence(baseline: (12, of: 60), candidate: (60, of: 460))) == .open)
    #expect(verdict(gates, evidence(baseline: (2, of: 95), candidate: (60, of: 105))) == .failed)
  }

  @Test
  func `A candidate that is proven to fail is rolled back on fewer samples than a gate opens on`() {
    let gates = Gates(maxErrorRatio: 2, minSamples: 100)
    #expect(verdict(gates, evidence(baseline: (0, of: 60), candidate: (40, of: 60))) == .failed)
    #expect(verdict(gates, evidence(baseline: (0, of: 60), candidate: (1, of: 60))) == .waiting)
    #expect(
      verdict(gates, evidence(baseline: (40, of: 60), candidate: (40, of: 60))) == .waiting, "as the baseline does")
  }

  @Test
  func `How often the baseline failed outlives a start, in the report of the rollout`() throws {
    let gates = Gates(maxErrorRatio: 2, minSamples: 100)
    let seen = evidence(baseline: (30, of: 300), candidate: (0, of: 0))
    var report = RolloutReport(
      rollout: try Rollout(
        number: 1, candidate: 2, baseline: 1, plan: RolloutPlan(stages: [.init(canaryPermille: 1000)]), now: .now))
    report.baselineFailures = seen.allBaselineFailures
    let read = try JSONDecoder().decode(RolloutReport.self, from: JSONEncoder().encode(report))
    let kept = try #require(read.baselineFailures)
    #expect(kept == Trials(count: 300, successes: 30))
    let after = evidence(baseline: (0, of: 0), candidate: (30, of: 300), before: kept)
    #expect(verdict(gates, after) == .open)
    #expect(verdict(gates, evidence(baseline: (0, of: 0), candidate: (30, of: 300))) == .failed, "without it")
  }

  @Test
  func `Answers that agree whatever the vectors are say nothing of the overlap`() {
    let gates = Gates(minOverlap: 0.5, maxErrorRatio: nil, minSamples: 20)
    var evidence = StageEvidence()
    for _ in 0..<100 { evidence.noteCompared(nil, baselineMicros: 5, candidateMicros: 5) }
    #expect(evidence.compared.overlap.count == 0)
    #expect(evidence.comparisonFailures(of: .candidate).all.count == 100)
    #expect(verdict(gates, evidence) == .waiting)
  }

  @Test
  func `What the baseline failed in earlier stages is allowed in one that gives it nothing`() {
    let gates = Gates(maxErrorRatio: 2, minSamples: 20)
    var before = StageEvidence()
    for _ in 0..<100 { before.noteFailed(by: .baseline) }
    for _ in 0..<900 { before.noteServed(by: .baseline, micros: 5) }
    var evidence = StageEvidence(after: StageEvidence(after: before))
    for _ in 0..<100 { evidence.noteFailed(by: .candidate) }
    for _ in 0..<900 { evidence.noteServed(by: .candidate, micros: 5) }
    #expect(verdict(gates, evidence) == .open)
    for _ in 0..<500 { evidence.noteFailed(by: .candidate) }
    #expect(verdict(gates, evidence) == .failed)
  }

  @Test
  func `Errors of comparisons count: a candidate that only fails in the shadow is found`() {
    var evidence = StageEvidence()
    for _ in 0..<10 { evidence.noteComparisonFailed(in: .candidate) }
    #expect(verdict(Gates(maxErrorRatio: 2, minSamples: 10), evidence) == .failed)
  }

  @Test
  func `Sound comparisons do not hide callers whose searches fail`() {
    var evidence = StageEvidence()
    for _ in 0..<20_000 { evidence.compare(overlap: 1) }
    for _ in 0..<1000 { evidence.noteServed(by: .baseline, micros: 5) }
    for _ in 0..<90 { evidence.noteServed(by: .candidate, micros: 5) }
    for _ in 0..<10 { evidence.noteFailed(by: .candidate, reason: "BACKEND_UNAVAILABLE") }
    #expect(verdict(Gates(maxErrorRatio: 2), evidence) == .failed)
    #expect(evidence[.candidate].failures == ["BACKEND_UNAVAILABLE": 10])
  }

  @Test
  func `Error non-inferiority holds until it is proven that the candidate fails no more than is allowed`() {
    var gates = Gates(maxErrorRatio: 2, minSamples: 20)
    gates.isErrorNonInferiority = true
    var evidence = StageEvidence()
    #expect(verdict(gates, evidence) == .holding)
    for _ in 0..<1000 { evidence.noteServed(by: .candidate, micros: 5) }
    #expect(verdict(gates, evidence) == .holding, "1000 without a failure do not prove less than 2 in 1000")
    for _ in 0..<9000 { evidence.noteServed(by: .candidate, micros: 5) }
    #expect(verdict(gates, evidence) == .open)
  }

  @Test
  func `A gate for outcomes may hold until it is proven that nothing is lost`() {
    let gates = Gates(outcomes: [.init(kind: "click", maxDrop: 0.05, minTrials: 50, isNonInferiority: true)])
    func evidence(_ count: Int) -> StageEvidence {
      var evidence = StageEvidence()
      for number in 0..<count {
        for arm in Arm.allCases { evidence.noteSettled(by: arm, kinds: number % 10 == 0 ? ["click"] : []) }
      }
      return evidence
    }
    func outcome(_ evidence: StageEvidence) -> GateReading.Verdict? {
      gates.readings(of: evidence, in: .init(canaryPermille: 100)).last?.verdict
    }
    #expect(outcome(evidence(40)) == .waiting)
    #expect(outcome(evidence(200)) == .holding)
    #expect(outcome(evidence(20_000)) == .open)
  }

  @Test
  func `Latency is the comparisons' p99 where there are any; noise under a millisecond is none`() {
    let gates = Gates(maxLatencyRatio: 1.5, minSamples: 50)
    var evidence = StageEvidence()
    for _ in 0..<49 { evidence.compare(overlap: 1, baselineMicros: 3000, candidateMicros: 6000) }
    #expect(verdict(gates, evidence) == .waiting)
    evidence.compare(overlap: 1, baselineMicros: 3000, candidateMicros: 6000)
    #expect(verdict(gates, evidence) == .failed)
    var fast = StageEvidence()
    for _ in 0..<50 {
      fast.noteServed(by: .baseline, micros: 20)
      fast.noteServed(by: .candidate, micros: 900)
    }
    #expect(verdict(gates, fast) == .open)
  }

  @Test
  func `Outcomes fail when a loss is proven, not before`() {
    let gates = Gates(outcomes: [.init(kind: "click", maxDrop: 0.01, minTrials: 50)])
    var evidence = StageEvidence()
    #expect(verdict(gates, evidence) == .waiting)
    for _ in 0..<120 {
      evidence.noteSettled(by: .baseline, kinds: ["click"])
      evidence.noteSettled(by: .candidate, kinds: ["click"])
    }
    #expect(verdict(gates, evidence) == .open)
    for _ in 0..<200 {
      evidence.noteSettled(by: .baseline, kinds: ["click", "purchase"])
      evidence.noteSettled(by: .candidate, kinds: [])
    }
    #expect(verdict(gates, evidence) == .failed)
    #expect(evidence[.baseline].trials(of: "purchase") == Trials(count: 320, successes: 200))
  }

  @Test
  func
    `A gate for outcomes waits for the gates' samples where it asks for none, or for fewer, and is not open on nothing`()
  {
    for minTrials in [0, 30] as [UInt64] {
      let gates = Gates(minSamples: 40, outcomes: [.init(kind: "click", maxDrop: 0.1, minTrials: minTrials)])
      var evidence = StageEvidence()
      #expect(verdict(gates, evidence) == .waiting)
      for _ in 0..<39 { for arm in Arm.allCases { evidence.noteSettled(by: arm, kinds: []) } }
      evidence.noteSettled(by: .candidate, kinds: [])
      #expect(verdict(gates, evidence) == .waiting, "39 of the baseline")
      evidence.noteSettled(by: .baseline, kinds: ["click"])
      #expect(verdict(gates, evidence) == .open)
    }
  }

  @Test
  func `Kinds are bounded: names made up by callers cost no memory`() {
    var evidence = StageEvidence()
    for kind in 0..<100 { evidence.noteSettled(by: .baseline, kinds: [Identifier("\(kind)")]) }
    #expect(evidence[.baseline].outcomes.count == StageEvidence.maxKinds)
  }
}

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

@Suite("A gate for outcomes needs outcomes")
struct MissingOutcomeTests {
  private func settled(_ kinds: Set<Identifier>) -> StageEvidence {
    var evidence = StageEvidence()
    for _ in 0..<5000 { for arm in Arm.allCases { evidence.noteSettled(by: arm, kinds: kinds) } }
    for _ in 0..<200 { for arm in Arm.allCases { evidence.noteServed(by: arm, micros: 5) } }
    return evidence
  }

  @Test(arguments: [false, true], [nil, 0] as [UInt64?])
  func `While nobody reports any of the kind, the stage waits and says so`(isProof: Bool, samples: UInt64?) throws {
    let gates = Gates(outcomes: [.init(kind: "click", maxDrop: 0.05, isNonInferiority: isProof)])
    let plan = RolloutPlan(
      stages: [.init(canaryPermille: 500, minSamples: samples), .init(canaryPermille: 1000)], gates: gates)
    let rollout = try Rollout(number: 1, candidate: 2, baseline: 1, plan: plan, now: .at(0))
    for evidence in [settled([]), settled(["clicks"])] {
      guard case .wait(let conditions) = RolloutDecision(for: rollout, evidence, now: .at(9)) else {
        Issue.record("it must wait")
        continue
      }
      #expect(
        conditions.count == 1
          && conditions[0].hasPrefix("gate outcome click: no outcome of kind 'click' was reported"))
    }
    var some = settled([])
    for _ in 0..<100 { for arm in Arm.allCases { some.noteSettled(by: arm, kinds: ["click"]) } }
    #expect(RolloutDecision(for: rollout, some, now: .at(9)).isAdvance)
  }
}

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

@Suite("Gates say what they measured, what it is held against and how many samples they need")
struct GateMeasurementTests {
  private static let stage = RolloutPlan.Stage(canaryPermille: 100, shadowPermille: 100)

  private static var gates: Gates {
    Gates(
      minOverlap: 0.5, maxErrorRatio: 2, maxLatencyRatio: 1.5, minSamples: 20,
      outcomes: [.init(kind: "click", maxDrop: 0.01, minTrials: 30)])
  }

  private static func measured(_ evidence: StageEvidence) -> [Rollouts.Gate: GateReading.Measurement] {
    let readings = gates.readings(of: evidence, in: stage)
    return Dictionary(uniqueKeysWithValues: readings.map { ($0.gate, $0.measurement) })
  }

  @Test
  func `Before the first sample there is no value, and the bound and the samples that are needed are told`() {
    let measured = Self.measured(StageEvidence())
    #expect(measured.count == 5)
    #expect(measured.values.allSatisfy { $0.value == nil && $0.samples == 0 })
    #expect(measured[.overlap]?.bound == 0.5 && measured[.overlap]?.requiredSamples == 20)
    #expect(measured[.errors]?.bound == 0.002, "twice one in a thousand")
    #expect(measured[.sampleRatio]?.bound == 0.1 && measured[.sampleRatio]?.requiredSamples == 0)
    #expect(measured[.outcome(kind: "click")]?.bound == -0.01)
    #expect(measured[.outcome(kind: "click")]?.requiredSamples == 30)
  }

  @Test
  func `Values stand within their intervals, and what judges the value itself has none`() {
    var evidence = StageEvidence()
    for number in 0..<40 {
      evidence.noteServed(by: .candidate, micros: 3000)
      evidence.noteServed(by: .baseline, micros: 2000)
      evidence.noteKey(of: number < 5 ? .candidate : .baseline)
      evidence.noteSettled(by: .candidate, kinds: number < 10 ? ["click"] : [])
      evidence.noteSettled(by: .baseline, kinds: [])
    }
    evidence.noteFailed(by: .candidate)
    let measured = Self.measured(evidence)
    for (gate, value) in [(Rollouts.Gate.errors, 1.0 / 41), (.sampleRatio, 0.125), (.outcome(kind: "click"), 0.25)] {
      #expect(measured[gate]?.value == value)
      #expect(measured[gate]?.interval?.contains(value) == true)
    }
    #expect(measured[.overlap]?.interval == nil && measured[.latency]?.interval == nil)
    // 1.5, within the sketch's 1% of each time.
    #expect(abs((measured[.latency]?.value ?? 0) - 1.5) < 0.04 && measured[.latency]?.samples == 40)
  }

  @Test(arguments: [
    Rollouts.Gate.overlap, .errors, .latency, .sampleRatio, .outcome(kind: "click"), .outcome(kind: "\u{301}click"),
    .outcome(kind: ""), .outcome(kind: "errors"),
  ])
  func `A gate is itself again when it was written and read`(gate: Rollouts.Gate) throws {
    let read = try JSONDecoder().decode([Rollouts.Gate].self, from: JSONEncoder().encode([gate]))
    #expect(read.map { Array($0.description.utf8) } == [Array(gate.description.utf8)])
  }

  @Test
  func `Points of earlier releases are read, and those of today keep what the gates measured`() throws {
    let plan = RolloutPlan(stages: [Self.stage], gates: Self.gates)
    let rollout = try Rollout(number: 1, candidate: 2, baseline: 1, plan: plan, now: .at(0))
    var report = RolloutReport(rollout: rollout)
    report.add(RolloutReport.Point(StageEvidence(), of: rollout, now: .at(0)))
    let bytes = try JSONEncoder().encode(report)
    #expect(try JSONDecoder().decode(RolloutReport.self, from: bytes) == report)
    var object = try #require(JSONSerialization.jsonObject(with: bytes) as? [String: Any])
    var points = try #require(object["points"] as? [[String: Any]])
    #expect((points[0]["gates"] as? [Any])?.count == 5)
    points[0]["gates"] = nil
    object["points"] = points
    let former = try JSONDecoder().decode(RolloutReport.self, from: JSONSerialization.data(withJSONObject: object))
    #expect(former.points.count == 1 && former.points[0].gates == nil)
  }
}
