// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import Rollouts
import ServiceAPI
import ServiceSupport
import SwiftProtobuf

// A rollout's plan in the contract's terms and back.

extension Retrieval_RolloutPlan {
  init(_ plan: RolloutPlan) {
    self.init()
    stages = plan.stages.map { stage in
      .with {
        $0.canaryPermille = UInt32(stage.canaryPermille)
        $0.shadowPermille = UInt32(stage.shadowPermille)
        $0.minDuration = Google_Protobuf_Duration(micros: stage.minMicros)
        if let samples = stage.minSamples { $0.minSamples = samples }
        $0.manual = !stage.isAutomatic
      }
    }
    if let bound = plan.gates.minOverlap { gates.minOverlap = bound }
    // What is unset would be read as the default.
    gates.maxErrorRatio = plan.gates.maxErrorRatio ?? 0
    if let bound = plan.gates.maxLatencyRatio { gates.maxLatencyRatio = bound }
    gates.minSamples = plan.gates.minSamples
    gates.errorProbability = plan.gates.errorProbability
    gates.outcomes = plan.gates.outcomes.map { outcome in
      .with {
        $0.kind = outcome.kind
        $0.maxDrop = outcome.maxDrop
        $0.minTrials = outcome.minTrials
        $0.nonInferiority = outcome.isNonInferiority
      }
    }
    gates.errorNonInferiority = plan.gates.isErrorNonInferiority
    gates.sampleRatioErrorProbability = plan.gates.sampleRatioErrorProbability
    fallbackToStable = plan.fallsBackToStable
    outcomeWindow = Google_Protobuf_Duration(micros: plan.outcomeWindowMicros)
  }

  /// The plan in the rollout's terms; whether it can be followed is checked there.
  ///
  /// - Parameter field: path of the plan in its request.
  func plan(field: String) throws(ServiceFailure) -> RolloutPlan {
    var plan = RolloutPlan(stages: [], gates: gates.gates, fallsBackToStable: fallbackToStable)
    for (place, stage) in stages.enumerated() {
      plan.stages.append(
        RolloutPlan.Stage(
          canaryPermille: Int(stage.canaryPermille), shadowPermille: Int(stage.shadowPermille),
          minMicros: try Self.micros(stage.minDuration, "stages[\(place)].min_duration", in: field),
          minSamples: stage.hasMinSamples ? stage.minSamples : nil, isAutomatic: !stage.manual))
    }
    if hasOutcomeWindow { plan.outcomeWindowMicros = try Self.micros(outcomeWindow, "outcome_window", in: field) }
    return plan
  }

  /// What would have to be rounded is refused: nobody would see that a stage is another than the one that was asked for.
  private static func micros(
    _ duration: Google_Protobuf_Duration, _ name: String, in field: String
  ) throws(ServiceFailure) -> Int64 {
    if let micros = duration.wholeMicros { return micros }
    throw ServiceFailure(
      .changeInvalid,
      "\(name) has \(duration.seconds) seconds and \(duration.nanos) nanoseconds, which is no whole number of microseconds below 2^63; "
        + "give nanoseconds in thousands, with the sign of the seconds, less than a second",
      field: "\(field).\(name)")
  }
}

extension Retrieval_RolloutGates {
  /// The gates in the rollout's terms.
  fileprivate var gates: Gates {
    var gates = Gates()
    if hasMinOverlap { gates.minOverlap = minOverlap }
    let errorRatio = hasMaxErrorRatio ? maxErrorRatio : Gates.defaultMaxErrorRatio
    gates.maxErrorRatio = errorRatio == 0 ? nil : errorRatio
    if hasMaxLatencyRatio { gates.maxLatencyRatio = maxLatencyRatio }
    if hasMinSamples { gates.minSamples = minSamples }
    if hasErrorProbability { gates.errorProbability = errorProbability }
    gates.outcomes = outcomes.map {
      Gates.Outcome(
        kind: $0.kind, maxDrop: $0.maxDrop, minTrials: $0.minTrials, isNonInferiority: $0.nonInferiority)
    }
    gates.isErrorNonInferiority = errorNonInferiority
    if hasSampleRatioErrorProbability { gates.sampleRatioErrorProbability = sampleRatioErrorProbability }
    return gates
  }
}

extension Google_Protobuf_Duration {
  init(micros: Int64) {
    let (seconds, rest) = micros.quotientAndRemainder(dividingBy: 1_000_000)
    self.init(seconds: seconds, nanos: Int32(rest) * 1000)
  }

  /// Nil for what is no whole number of microseconds, none that 64 bits hold, or no duration at all.
  var wholeMicros: Int64? {
    let isDuration = nanos.magnitude < 1_000_000_000 && (seconds == 0 || nanos == 0 || (seconds < 0) == (nanos < 0))
    guard isDuration, nanos % 1000 == 0 else { return nil }
    let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
    let (sum, sumOverflow) = product.addingReportingOverflow(Int64(nanos) / 1000)
    return overflow || sumOverflow ? nil : sum
  }
}
