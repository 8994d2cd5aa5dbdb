// SPDX-License-Identifier: Apache-2.0

import Basics
import Foundation
import TestSupport
import Testing

@testable import Rollouts

@Suite("A rollout goes through its stages")
struct RolloutTests {
  static let second: Int64 = 1_000_000
  let plan = RolloutPlan(
    stages: [
      .init(canaryPermille: 0, shadowPermille: 1000, minMicros: 10 * second, minSamples: 3),
      .init(canaryPermille: 100, minMicros: 10 * second, minSamples: 5),
      .init(canaryPermille: 1000, isAutomatic: false),
    ], gates: Gates(minOverlap: 0.5, minSamples: 2))

  func begin() throws -> Rollout {
    try Rollout(number: 1, candidate: 2, baseline: 1, plan: plan, now: .at(0))
  }

  @Test
  func `A rollout goes from stage to stage to success, and then nothing changes any more`() throws {
    var rollout = try begin()
    for stage in [1, 2] {
      rollout = try rollout.advanced(reason: "", now: .at(Int64(stage)))
      #expect(rollout.stage == stage && rollout.phase == .running)
      #expect(rollout.stageElapsedMicros(now: .at(Int64(stage + 3))) == 3 * Self.second)
    }
    rollout = try rollout.advanced(reason: "fine", now: .at(9))
    #expect(rollout.phase == .succeeded && rollout.endedMicros == 9 * Self.second && rollout.reason == "fine")
    #expect(throws: RolloutError.self) { try rollout.advanced(reason: "", now: .at(0)) }
    #expect(throws: RolloutError.self) { try rollout.paused(reason: "", now: .at(0)) }
    #expect(throws: RolloutError.self) { try rollout.rolledBack(reason: "", now: .at(0)) }
  }

  @Test(arguments: [Int64.max, -1])
  func `A stage that has run for longer than there is time is not sound`(micros: Int64) throws {
    var document = try JSONSerialization.jsonObject(with: JSONEncoder().encode(begin())) as? [String: Any] ?? [:]
    document["stage_elapsed_micros"] = micros
    let read = try JSONDecoder().decode(Rollout.self, from: JSONSerialization.data(withJSONObject: document))
    #expect(!read.isSound)
  }

  @Test
  func `Pauses do not count as time of the stage, and survive the file`() throws {
    let paused = try begin().paused(reason: "lunch", now: .at(4))
    #expect(paused.phase == .paused && paused.reason == "lunch")
    let read = try written(paused)
    #expect(read == paused && read.isSound)
    let resumed = try read.resumed(now: .at(100))
    #expect(resumed.stageElapsedMicros(now: .at(103)) == 7 * Self.second)
    #expect(try resumed.resumed(now: .at(0)) == resumed && paused.paused(reason: "again", now: .at(0)) == paused)
  }

  private func written(_ rollout: Rollout) throws -> Rollout {
    try JSONDecoder().decode(Rollout.self, from: JSONEncoder().encode(rollout))
  }

  @Test
  func `A wall clock that is set changes no time; it is shown, and nothing else`() throws {
    let rollout = try begin()
    for wall in [-3600, 0, 7200] as [Int64] {
      let now = Moment.at(6, wall: wall)
      #expect(rollout.stageElapsedMicros(now: now) == 6 * Self.second)
      let paused = try rollout.paused(reason: "", now: now).resumed(now: .at(100, wall: -wall))
      #expect(paused.stageElapsedMicros(now: .at(101, wall: wall)) == 7 * Self.second)
      let next = try rollout.advanced(reason: "", now: now)
      #expect(next.stageStartedMicros == wall * Self.second && next.stageElapsedMicros(now: now) == 0)
    }
  }

  @Test
  func `A restart counts on from what was kept, and neither the time down nor another boot's clock`() throws {
    let kept = try begin().keepingTime(now: .at(7))
    let read = try written(kept)
    #expect(read.stageElapsedMicros(now: .at(1000)) == 7 * Self.second, "it stands until it is continued")
    for clock in [3, 5000] as [Int64] {
      let continued = read.continued(now: .at(clock))
      #expect(continued.stageElapsedMicros(now: .at(clock)) == 7 * Self.second)
      #expect(continued.stageElapsedMicros(now: .at(clock + 2)) == 9 * Self.second)
      let known = read.continued(atLeast: 8 * Self.second, now: .at(clock))
      #expect(known.stageElapsedMicros(now: .at(clock)) == 8 * Self.second)
    }
    let paused = try written(try kept.paused(reason: "", now: .at(7)))
    #expect(paused.continued(atLeast: 0, now: .at(0)).stageElapsedMicros(now: .at(50)) == 7 * Self.second)
  }

  @Test
  func `A wall clock that was set is noticed; one that is adjusted in small steps is not`() {
    var watch = WallClockWatch(.at(0))
    #expect(watch.jump(now: .at(1)) == nil)
    #expect(watch.jump(now: .at(2, wall: 4)) == nil, "two seconds")
    #expect(watch.jump(now: .at(3, wall: 7205)) == 7200 * Self.second)
    #expect(watch.jump(now: .at(4, wall: 7206)) == nil)
    #expect(watch.jump(now: .at(5, wall: 3607)) == -3600 * Self.second)
  }

  @Test
  func `A plan of an earlier release asks for the gates' samples where it named none`() throws {
    let text = #"{"canary_permille":10,"shadow_permille":0,"min_micros":0,"min_samples":%,"automatic":true}"#
    let read = try [0, 7, 700].map { count in
      try JSONDecoder().decode(
        RolloutPlan.Stage.self, from: Data(text.replacing("%", with: "\(count)").utf8))
    }
    #expect(read.map(\.minSamples) == [nil, 7, 700])
    let plan = RolloutPlan(stages: read + [.init(canaryPermille: 10, minSamples: 0)])
    #expect(plan.stages.map { plan.requiredSamples(of: $0) } == [100, 100, 700, 0])
    let again = try JSONDecoder().decode(RolloutPlan.self, from: JSONEncoder().encode(plan))
    #expect(again == plan)
  }

  @Test
  func `No stage ends on fewer samples than asked, whichever gates there are`() throws {
    let everything = Gates(
      minOverlap: 0.1, maxErrorRatio: 2, maxLatencyRatio: 2, outcomes: [.init(kind: "click", maxDrop: 0.1)])
    for gates in [Gates(), Gates(maxErrorRatio: 2), Gates(maxLatencyRatio: 2), everything] {
      for (stage, isShadow) in [
        (RolloutPlan.Stage(canaryPermille: 0, shadowPermille: 1000), true),
        (.init(canaryPermille: 100, shadowPermille: 500), false), (.init(canaryPermille: 1000), false),
      ] {
        let first = stage.canaryPermille == 1000 ? [RolloutPlan.Stage(canaryPermille: 500)] : []
        let plan = RolloutPlan(
          stages: first + [stage, .init(canaryPermille: max(500, stage.canaryPermille), shadowPermille: 1000)],
          gates: gates)
        var rollout = try Rollout(number: 1, candidate: 2, baseline: 1, plan: plan, now: .at(0))
        if !first.isEmpty { rollout = try rollout.advanced(reason: "", now: .at(0)) }
        var evidence = StageEvidence()
        for _ in 0..<500 {
          evidence.noteServed(by: .baseline, micros: 5)
          if isShadow { evidence.noteServed(by: .candidate, micros: 5) } else { evidence.compare(overlap: 1) }
        }
        for _ in 0..<99 {
          if isShadow { evidence.compare(overlap: 1) } else { evidence.noteServed(by: .candidate, micros: 5) }
        }
        #expect(!RolloutDecision(for: rollout, evidence, now: .at(9999)).isAdvance, "\(gates) \(stage)")
        if isShadow { evidence.compare(overlap: 1) } else { evidence.noteServed(by: .candidate, micros: 5) }
        if stage.canaryPermille == 100, !gates.outcomes.isEmpty {
          #expect(!RolloutDecision(for: rollout, evidence, now: .at(9999)).isAdvance, "no outcome was waited for")
          for arm in Arm.allCases { for _ in 0..<100 { evidence.noteSettled(by: arm, kinds: ["click"]) } }
        }
        #expect(RolloutDecision(for: rollout, evidence, now: .at(9999)).isAdvance, "\(gates) \(stage)")
      }
    }
  }

  @Test
  func `A failure is no sample, and a stage of 0 samples goes by time alone`() throws {
    let gates = Gates(maxErrorRatio: 2)
    let plan = RolloutPlan(
      stages: [.init(canaryPermille: 100, minMicros: 10 * Self.second, minSamples: 0), .init(canaryPermille: 200)],
      gates: gates)
    let rollout = try Rollout(number: 1, candidate: 2, baseline: 1, plan: plan, now: .at(0))
    #expect(!RolloutDecision(for: rollout, StageEvidence(), now: .at(9)).isAdvance)
    #expect(RolloutDecision(for: rollout, StageEvidence(), now: .at(10)).isAdvance)
    let next = try rollout.advanced(reason: "", now: .at(10))
    var evidence = StageEvidence()
    for _ in 0..<99 { evidence.noteServed(by: .candidate, micros: 5) }
    evidence.noteFailed(by: .candidate)
    #expect(!RolloutDecision(for: next, evidence, now: .at(20)).isAdvance)
  }

  @Test
  func `A stage of 0 samples waits for one outcome and for no more, unless their gate asks for a number or a proof`()
    throws
  {
    for (outcome, advances) in [
      (Gates.Outcome(kind: "click", maxDrop: 0.1), true), (.init(kind: "click", maxDrop: 0.1, minTrials: 2), false),
      (.init(kind: "click", maxDrop: 0.1, isNonInferiority: true), false),
    ] {
      let plan = RolloutPlan(stages: [.init(canaryPermille: 100, minSamples: 0)], gates: Gates(outcomes: [outcome]))
      let rollout = try Rollout(number: 1, candidate: 2, baseline: 1, plan: plan, now: .at(0))
      var evidence = StageEvidence()
      #expect(!RolloutDecision(for: rollout, evidence, now: .at(1)).isAdvance)
      evidence.noteSettled(by: .baseline, kinds: ["click"])
      #expect(RolloutDecision(for: rollout, evidence, now: .at(1)).isAdvance == advances, "\(outcome)")
    }
  }

  @Test
  func `A stage ends after its time, samples and gates; a manual one not by itself`() throws {
    var evidence = StageEvidence()
    let rollout = try begin()
    let late = Moment.at(20)
    guard case .wait(let conditions) = RolloutDecision(for: rollout, evidence, now: .at(1)) else {
      Issue.record("it must wait")
      return
    }
    #expect(conditions.count == 3 && conditions[0].hasPrefix("9.0 s"))
    for _ in 0..<3 { evidence.compare(overlap: 1) }
    #expect(RolloutDecision(for: rollout, evidence, now: late).isAdvance)
    #expect(!RolloutDecision(for: try rollout.paused(reason: "", now: late), evidence, now: late).isAdvance)
    let last = try rollout.advanced(reason: "", now: .at(0)).advanced(reason: "", now: .at(0))
    #expect(!RolloutDecision(for: last, evidence, now: late).isAdvance)
  }

  @Test
  func `A failed gate rolls back at once, paused or not`() throws {
    var evidence = StageEvidence()
    evidence.compare(overlap: 0)
    #expect(!RolloutDecision(for: try begin(), evidence, now: .at(0)).isRollBack, "one sample is too few")
    evidence.compare(overlap: 0.25)
    let paused = try begin().paused(reason: "", now: .at(0))
    for rollout in [try begin(), paused] {
      guard case .rollBack(let reason) = RolloutDecision(for: rollout, evidence, now: .at(0)) else {
        Issue.record("it must roll back")
        continue
      }
      #expect(reason.contains("0.125") && reason.contains("0.500"))
    }
  }

  @Test
  func `Plans that no rollout can follow are refused, by the field at fault`() {
    let stage = RolloutPlan.Stage(canaryPermille: 10)
    let bad: [(RolloutPlan, String)] = [
      (RolloutPlan(stages: []), "0 stages"),
      (RolloutPlan(stages: [.init(canaryPermille: 1001)]), "stages[0].canary_permille"),
      (RolloutPlan(stages: [.init(canaryPermille: 0)]), "nothing"),
      (RolloutPlan(stages: [.init(canaryPermille: 50), stage]), "never shrinks"),
      (RolloutPlan(stages: [.init(canaryPermille: 10, minMicros: -1)]), "min_duration"),
      (RolloutPlan(stages: [stage], gates: Gates(minOverlap: 0.5)), "shadow_permille"),
      (RolloutPlan(stages: [stage], gates: Gates(maxErrorRatio: 0.5)), "max_error_ratio"),
      (RolloutPlan(stages: [stage], gates: Gates(maxLatencyRatio: .nan)), "max_latency_ratio"),
      (RolloutPlan(stages: [stage], gates: Gates(errorProbability: 0)), "error_probability"),
      (RolloutPlan(stages: [stage], gates: Gates(minSamples: .max)), "gates.min_samples"),
      (RolloutPlan(stages: [.init(canaryPermille: 10, minSamples: .max)]), "stages[0].min_samples"),
      (
        RolloutPlan(stages: [stage], gates: Gates(outcomes: [.init(kind: "c", maxDrop: 0, minTrials: .max)])),
        "gates.outcomes[0].min_trials"
      ),
      (RolloutPlan(stages: [stage], gates: Gates(outcomes: [.init(kind: "", maxDrop: 0)])), "outcomes"),
      (
        RolloutPlan(
          stages: [.init(canaryPermille: 1000)],
          gates: Gates(outcomes: [.init(kind: "click", maxDrop: 0, isNonInferiority: true)])), "both versions"
      ),
      (
        RolloutPlan(
          stages: [.init(canaryPermille: 1000)], gates: Gates(outcomes: [.init(kind: "click", maxDrop: 0.1)])),
        "both versions"
      ),
      (
        RolloutPlan(
          stages: [stage], gates: Gates(outcomes: [.init(kind: "click", maxDrop: 0.1)]), outcomeWindowMicros: 0),
        "outcome_window"
      ),
      (
        RolloutPlan(
          stages: [stage], gates: Gates(outcomes: [.init(kind: String(repeating: "k", count: 65), maxDrop: 0.1)])),
        "gates.outcomes[0].kind has 65 bytes"
      ),
      (RolloutPlan(stages: [stage], gates: Gates(errorProbability: .leastNonzeroMagnitude)), "gates.error_probability"),
      (
        RolloutPlan(stages: [stage], gates: Self.gates(sampleRatioErrorProbability: .leastNonzeroMagnitude)),
        "sample_ratio_error_probability"
      ),
    ]
    for (plan, words) in bad {
      let error = #expect(throws: RolloutError.self) { try plan.check() }
      #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
    }
  }

  private static func gates(sampleRatioErrorProbability: Double) -> Gates {
    var gates = Gates()
    gates.sampleRatioErrorProbability = sampleRatioErrorProbability
    return gates
  }

  @Test(arguments: [Double.leastNonzeroMagnitude, 2 * .leastNonzeroMagnitude, 1e-200, 1e-12])
  func `A plan that an earlier release accepted is read and followed, whatever its probabilities are`(
    probability: Double
  ) throws {
    let rollout = try Rollout(
      number: 1, candidate: 2, baseline: 1, plan: RolloutPlan(stages: [.init(canaryPermille: 500)]), now: .at(0))
    var gates = Gates(
      maxErrorRatio: 2, outcomes: [.init(kind: "click", maxDrop: 0.1, isNonInferiority: true)],
      errorProbability: probability)
    gates.isErrorNonInferiority = true
    gates.sampleRatioErrorProbability = probability
    var object = try #require(JSONSerialization.jsonObject(with: JSONEncoder().encode(rollout)) as? [String: Any])
    let plan = RolloutPlan(stages: [.init(canaryPermille: 500)], gates: gates, outcomeWindowMicros: 0)
    object["plan"] = try JSONSerialization.jsonObject(with: JSONEncoder().encode(plan))
    let read = try JSONDecoder().decode(Rollout.self, from: JSONSerialization.data(withJSONObject: object))
    #expect(read.isSound && read.plan.gates.errorProbability == probability)
    var evidence = StageEvidence()
    for number in 0..<3000 {
      evidence.noteFailed(by: .candidate)
      evidence.noteServed(by: .baseline, micros: 5)
      evidence.noteKey(of: number % 2 == 0 ? .candidate : .baseline)
      evidence.noteSettled(by: .baseline, kinds: ["click"])
    }
    #expect(RolloutDecision(for: read, evidence, now: .at(1)).isRollBack)
  }
}

extension Moment {
  /// So many seconds by the steady clock, and by the wall clock.
  static func at(_ seconds: Int64, wall: Int64? = nil) -> Moment {
    Moment(wallMicros: (wall ?? seconds) * 1_000_000, steadyMicros: seconds * 1_000_000)
  }
}

extension RolloutDecision {
  var isAdvance: Bool { if case .advance = self { true } else { false } }
  var isRollBack: Bool { if case .rollBack = self { true } else { false } }
}

extension StageEvidence {
  /// Four ranks, of which a share is equal.
  mutating func compare(overlap: Double, baselineMicros: Double = 2000, candidateMicros: Double = 2000) {
    let baseline = (0..<4).map { (item: "\($0)", score: Float(1)) }
    let shared = Int(overlap * 4)
    let candidate = (0..<4).map { (item: $0 < shared ? "\($0)" : "other \($0)", score: Float(1)) }
    noteCompared(
      RankedListComparison(baseline: baseline, candidate: candidate), baselineMicros: baselineMicros,
      candidateMicros: candidateMicros)
  }
}
