// SPDX-License-Identifier: Apache-2.0

import Basics
import Foundation
import Testing

@testable import Rollouts

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
