// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@testable import Rollouts

@Suite("Gates watch a candidate")
struct GateTests {
  private func verdict(_ gates: Gates, _ evidence: StageEvidence) -> GateReading.Verdict? {
    gates.readings(of: evidence).first?.verdict
  }

  @Test
  func `One early error is chance, many are proof; what the baseline fails too is allowed`() {
    let gates = Gates(maxErrorRatio: 2, minSamples: 20)
    var evidence = StageEvidence()
    evidence.noteFailed(by: .candidate)
    #expect(verdict(gates, evidence) == .waiting)
    for _ in 0..<40 { evidence.noteServed(by: .candidate, micros: 5) }
    #expect(verdict(gates, evidence) == .open)
    for _ in 0..<8 { evidence.noteFailed(by: .candidate) }
    #expect(verdict(gates, evidence) == .failed)
    for _ in 0..<40 { evidence.noteFailed(by: .baseline) }
    #expect(verdict(gates, evidence) == .open, "now the baseline fails as well")
  }

  @Test
  func `Errors of comparisons count: a candidate that only fails in the shadow is found`() {
    var evidence = StageEvidence()
    for _ in 0..<10 { evidence.noteComparisonFailed(in: .candidate) }
    #expect(verdict(Gates(maxErrorRatio: 2, minSamples: 10), evidence) == .failed)
    #expect(evidence.candidateSamples == 10)
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
    for _ in 0..<60 {
      evidence.noteSettled(by: .baseline, kinds: ["click"])
      evidence.noteSettled(by: .candidate, kinds: ["click"])
    }
    #expect(verdict(gates, evidence) == .open)
    for _ in 0..<200 {
      evidence.noteSettled(by: .baseline, kinds: ["click", "purchase"])
      evidence.noteSettled(by: .candidate, kinds: [])
    }
    #expect(verdict(gates, evidence) == .failed)
    #expect(evidence[.baseline].trials(of: "purchase") == Trials(count: 260, successes: 200))
  }

  @Test
  func `Kinds are bounded: names made up by callers cost no memory`() {
    var evidence = StageEvidence()
    for kind in 0..<100 { evidence.noteSettled(by: .baseline, kinds: ["\(kind)"]) }
    #expect(evidence[.baseline].outcomes.count == StageEvidence.maxKinds)
  }
}

@Suite("Outcomes find the answers that were served")
struct ServedAnswersTests {
  @Test
  func `An outcome joins the answer that held the item, once, until its time is over`() {
    var answers = ServedAnswers(capacity: 10, windowMicros: 100)
    answers.remember(requestID: "r", queryID: "ann", arm: .candidate, stage: 1, items: ["a", "b"], now: 0)
    answers.remember(requestID: "r", queryID: "bob", arm: .baseline, stage: 1, items: ["c"], now: 50)
    answers.remember(requestID: "r", queryID: "ann", arm: .baseline, stage: 2, items: ["z"], now: 60)
    #expect(answers.report(requestID: "r", queryID: "ann", item: "b", kind: "click") == .counted)
    #expect(answers.report(requestID: "r", queryID: "ann", item: "b", kind: "click") == .repeated)
    #expect(answers.report(requestID: "r", queryID: "ann", item: "a", kind: "click") == .counted)
    #expect(answers.report(requestID: "r", queryID: "ann", item: "c", kind: "click") == .itemNotServed)
    #expect(answers.report(requestID: "x", queryID: "ann", item: "b", kind: "click") == .unknownAnswer)
    #expect(answers.settle(now: 99).isEmpty)
    #expect(answers.settle(now: 100) == [.init(arm: .candidate, stage: 1, kinds: ["click"])])
    #expect(answers.report(requestID: "r", queryID: "ann", item: "b", kind: "buy") == .unknownAnswer)
    #expect(answers.settle(now: 1000) == [.init(arm: .baseline, stage: 1, kinds: [])])
    #expect(answers.count == 0)
  }

  @Test
  func `Beyond the capacity the oldest is forgotten, and does not count`() {
    var answers = ServedAnswers(capacity: 3000, windowMicros: 10)
    for number in 0..<10_000 {
      answers.remember(
        requestID: "\(number)", queryID: "", arm: .baseline, stage: 0, items: ["i"], now: Int64(number / 10_000))
    }
    #expect(answers.count == 3000 && answers.forgotten == 7000)
    #expect(answers.report(requestID: "6999", queryID: "", item: "i", kind: "k") == .unknownAnswer)
    #expect(answers.report(requestID: "7000", queryID: "", item: "i", kind: "k") == .counted)
    #expect(answers.settle(now: 20).count == 3000)
  }
}
