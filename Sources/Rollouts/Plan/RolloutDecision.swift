// SPDX-License-Identifier: Apache-2.0

/// What a rollout does next by itself.
package enum RolloutDecision: Sendable, Equatable {
  /// Not yet, because of these.
  case wait([String])
  case advance(reason: String)
  case rollBack(reason: String)

  /// - Parameter evidence: of the present stage.
  package init(for rollout: Rollout, _ evidence: StageEvidence, now: Moment) {
    let readings = rollout.plan.gates.readings(of: evidence, in: rollout.currentStage)
    if let failed = readings.first(where: { $0.verdict == .failed }) {
      self = .rollBack(reason: "gate \(failed.gate): \(failed.detail)")
      return
    }
    let conditions = Self.unmet(by: rollout, evidence, readings, now: now)
    if !conditions.isEmpty {
      self = .wait(conditions)
    } else {
      let samples = evidence.samples(in: rollout.currentStage)
      self = .advance(
        reason: "stage \(rollout.stage + 1) of \(rollout.plan.stages.count) is over: "
          + (samples == 0 ? Self.withoutSamples : "\(samples) samples, every gate open"))
    }
  }

  /// Gates that have measured nothing are not open.
  private static let withoutSamples = "it asked for no samples and had none, so that no gate could judge"

  private static func unmet(
    by rollout: Rollout, _ evidence: StageEvidence, _ readings: [GateReading], now: Moment
  ) -> [String] {
    let stage = rollout.currentStage
    var conditions: [String] = []
    if rollout.phase == .paused { conditions.append("it is paused") }
    let left = stage.minMicros - rollout.stageElapsedMicros(now: now)
    if left > 0 { conditions.append("\((Double(left) / 1e6).digits(1)) s of the stage are left") }
    let (samples, required) = (evidence.samples(in: stage), rollout.plan.requiredSamples(of: stage))
    if samples < required { conditions.append("\(samples) of \(required) samples") }
    conditions += readings.filter { $0.holdsUp(stage) }.map { "gate \($0.gate): \($0.detail)" }
    if !stage.isAutomatic { conditions.append("a person decides when the stage is over") }
    return conditions
  }
}

extension GateReading {
  /// Whether the gate keeps the stage from ending: only where the stage can bring it samples.
  fileprivate func holdsUp(_ stage: RolloutPlan.Stage) -> Bool {
    guard gate.getsSamples(in: stage) else { return false }
    switch verdict {
    case .holding: return true
    // Whoever gave the stage no number of samples wants it to go by time, unless the gate asks for a number of its own.
    case .waiting: return stage.minSamples != 0 || waitsForOwnSamples
    case .open, .failed: return false
    }
  }
}
