// SPDX-License-Identifier: Apache-2.0

import Basics
import Testing

@testable import Rollouts

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
