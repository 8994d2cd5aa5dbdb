// SPDX-License-Identifier: Apache-2.0

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
    try Rollout(number: 1, candidate: 2, baseline: 1, plan: plan, now: 0)
  }

  @Test
  func `A rollout goes from stage to stage to success, and then nothing changes any more`() throws {
    var rollout = try begin()
    for stage in [1, 2] {
      rollout = try rollout.advanced(reason: "", now: Int64(stage) * Self.second)
      #expect(rollout.stage == stage && rollout.phase == .running)
      #expect(rollout.stageElapsedMicros(now: Int64(stage + 3) * Self.second) == 3 * Self.second)
    }
    rollout = try rollout.advanced(reason: "fine", now: 9 * Self.second)
    #expect(rollout.phase == .succeeded && rollout.endedMicros == 9 * Self.second && rollout.reason == "fine")
    #expect(throws: RolloutError.self) { try rollout.advanced(reason: "", now: 0) }
    #expect(throws: RolloutError.self) { try rollout.paused(reason: "", now: 0) }
    #expect(throws: RolloutError.self) { try rollout.rolledBack(reason: "", now: 0) }
  }

  @Test
  func `Pauses do not count as time of the stage, and survive the file`() throws {
    let paused = try begin().paused(reason: "lunch", now: 4 * Self.second)
    #expect(paused.phase == .paused && paused.reason == "lunch")
    let read = try JSONDecoder().decode(Rollout.self, from: JSONEncoder().encode(paused))
    #expect(read == paused && read.isSound)
    let resumed = try read.resumed(now: 100 * Self.second)
    #expect(resumed.stageElapsedMicros(now: 103 * Self.second) == 7 * Self.second)
    #expect(resumed.stageElapsedMicros(now: 50 * Self.second) == 4 * Self.second, "a clock set back")
    #expect(try resumed.resumed(now: 0) == resumed && paused.paused(reason: "again", now: 0) == paused)
  }

  @Test
  func `A stage ends after its time, samples and gates; a manual one not by itself`() throws {
    var evidence = StageEvidence()
    let rollout = try begin()
    let late = 20 * Self.second
    guard case .wait(let conditions) = RolloutDecision(for: rollout, evidence, now: Self.second) else {
      Issue.record("it must wait")
      return
    }
    #expect(conditions.count == 3 && conditions[0].hasPrefix("9.0 s"))
    for _ in 0..<3 { evidence.compare(overlap: 1) }
    #expect(RolloutDecision(for: rollout, evidence, now: late).isAdvance)
    #expect(!RolloutDecision(for: try rollout.paused(reason: "", now: late), evidence, now: late).isAdvance)
    let last = try rollout.advanced(reason: "", now: 0).advanced(reason: "", now: 0)
    #expect(!RolloutDecision(for: last, evidence, now: late).isAdvance)
  }

  @Test
  func `A failed gate rolls back at once, paused or not`() throws {
    var evidence = StageEvidence()
    evidence.compare(overlap: 0)
    #expect(!RolloutDecision(for: try begin(), evidence, now: 0).isRollBack, "one sample is too few")
    evidence.compare(overlap: 0.25)
    let paused = try begin().paused(reason: "", now: 0)
    for rollout in [try begin(), paused] {
      guard case .rollBack(let reason) = RolloutDecision(for: rollout, evidence, now: 0) else {
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
      (RolloutPlan(stages: [stage], gates: Gates(outcomes: [.init(kind: "", maxDrop: 0)])), "outcomes"),
    ]
    for (plan, words) in bad {
      let error = #expect(throws: RolloutError.self) { try plan.check() }
      #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
    }
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
