// SPDX-License-Identifier: Apache-2.0

/// What a rollout does next by itself.
package enum RolloutDecision: Sendable, Equatable {
  /// Not yet, because of these.
  case wait([String])
  case advance(reason: String)
  case rollBack(reason: String)

  /// - Parameter evidence: of the present stage.
  package init(for rollout: Rollout, _ evidence: StageEvidence, now: Int64) {
    let readings = rollout.plan.gates.readings(of: evidence)
    if let failed = readings.first(where: { $0.verdict == .failed }) {
      self = .rollBack(reason: "gate \(failed.gate): \(failed.detail)")
      return
    }
    let conditions = Self.unmet(by: rollout, evidence, readings, now: now)
    if !conditions.isEmpty {
      self = .wait(conditions)
    } else {
      self = .advance(
        reason: "stage \(rollout.stage + 1) of \(rollout.plan.stages.count) is over: "
          + "\(evidence.candidateSamples) samples, every gate open")
    }
  }

  private static func unmet(
    by rollout: Rollout, _ evidence: StageEvidence, _ readings: [GateReading], now: Int64
  ) -> [String] {
    let stage = rollout.currentStage
    var conditions: [String] = []
    if rollout.phase == .paused { conditions.append("it is paused") }
    let left = stage.minMicros - rollout.stageElapsedMicros(now: now)
    if left > 0 { conditions.append("\((Double(left) / 1e6).digits(1)) s of the stage are left") }
    if evidence.candidateSamples < stage.minSamples {
      conditions.append("\(evidence.candidateSamples) of \(stage.minSamples) samples")
    }
    // A gate without enough samples holds a stage up only where the stage can bring it samples.
    conditions += readings.filter { $0.verdict == .waiting && $0.gate.getsSamples(in: stage) }.map {
      "gate \($0.gate): \($0.detail)"
    }
    if !stage.isAutomatic { conditions.append("a person decides when the stage is over") }
    return conditions
  }
}
