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
