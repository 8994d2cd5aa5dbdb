/// What a rollout does next by itself.
package enum RolloutDecision: Sendable, Equatable {
  /// Not yet, because of these.
  case wait([String])
  case advance(reason: String)
  case rollBack(reason: String)

  /// - Parameter evidence: of the present stage.
  package init(for rollout: StagedRollout, _ evidence: StageEvidence, now: Int64) {
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
    by rollout: StagedRollout, _ evidence: StageEvidence, _ readings: [GateReading], now: Int64
  ) -> [String] {
    let stage = rollout.currentStage
    var conditions: [String] = []
    if rollout.phase == .paused { conditions.append("it is paused") }
    let left = stage.minMicros - rollout.stageElapsedMicros(now: now)
    if left > 0 { conditions.append("\((Double(left) / 1e6).digits(1)) s of the stage are left") }
    if evidence.candidateSamples < stage.minSamples {
      conditions.append("\(evidence.candidateSamples) of \(stage.minSamples) samples")
    }
    conditions += readings.filter { isAwaited($0, in: stage) }.map { "gate \($0.gate): \($0.detail)" }
    if !stage.isAutomatic { conditions.append("a person decides when the stage is over") }
    return conditions
  }

  /// A gate without enough samples holds a stage up only where the stage can bring it samples.
  private static func isAwaited(_ reading: GateReading, in stage: RolloutPlan.Stage) -> Bool {
    guard reading.verdict == .waiting else { return false }
    if reading.gate == "overlap" { return stage.shadowPermille > 0 }
    if reading.gate == "errors" { return true }
    let hasBothArms = (1..<1000).contains(stage.canaryPermille)
    return reading.gate == "latency" ? stage.shadowPermille > 0 || hasBothArms : hasBothArms
  }
}
