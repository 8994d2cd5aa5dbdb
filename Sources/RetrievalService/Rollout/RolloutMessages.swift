// SPDX-License-Identifier: Apache-2.0

import Basics
import Foundation
import GRPCCore
import Rollouts
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import VectorIndex

// A rollout in the contract's terms and back.

extension Retrieval_Rollout {
  init(_ rollout: Rollout, index: String) {
    self.init()
    number = rollout.number
    candidateVersion = VersionName(index: index, number: rollout.candidate).description
    baselineVersion = VersionName(index: index, number: rollout.baseline).description
    plan = Retrieval_RolloutPlan(rollout.plan)
    phase =
      switch rollout.phase {
      case .running: .running
      case .paused: .paused
      case .succeeded: .succeeded
      case .rolledBack: .rolledBack
      }
    stage = UInt32(rollout.stage)
    startTime = Google_Protobuf_Timestamp(unixMicros: rollout.startedMicros)
    stageStartTime = Google_Protobuf_Timestamp(unixMicros: rollout.stageStartedMicros)
    stageElapsed = Google_Protobuf_Duration(micros: rollout.stageElapsedMicros(now: .now))
    if let ended = rollout.endedMicros { endTime = Google_Protobuf_Timestamp(unixMicros: ended) }
    reason = rollout.reason
  }
}

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
  var plan: RolloutPlan {
    var gates = Gates()
    if self.gates.hasMinOverlap { gates.minOverlap = self.gates.minOverlap }
    let errorRatio = self.gates.hasMaxErrorRatio ? self.gates.maxErrorRatio : Gates.defaultMaxErrorRatio
    gates.maxErrorRatio = errorRatio == 0 ? nil : errorRatio
    if self.gates.hasMaxLatencyRatio { gates.maxLatencyRatio = self.gates.maxLatencyRatio }
    if self.gates.hasMinSamples { gates.minSamples = self.gates.minSamples }
    if self.gates.hasErrorProbability { gates.errorProbability = self.gates.errorProbability }
    gates.outcomes = self.gates.outcomes.map {
      Gates.Outcome(
        kind: $0.kind, maxDrop: $0.maxDrop, minTrials: $0.minTrials, isNonInferiority: $0.nonInferiority)
    }
    gates.isErrorNonInferiority = self.gates.errorNonInferiority
    if self.gates.hasSampleRatioErrorProbability {
      gates.sampleRatioErrorProbability = self.gates.sampleRatioErrorProbability
    }
    let stages = stages.map { stage in
      RolloutPlan.Stage(
        canaryPermille: Int(stage.canaryPermille), shadowPermille: Int(stage.shadowPermille),
        minMicros: stage.minDuration.micros, minSamples: stage.hasMinSamples ? stage.minSamples : nil,
        isAutomatic: !stage.manual)
    }
    var plan = RolloutPlan(stages: stages, gates: gates, fallsBackToStable: fallbackToStable)
    if hasOutcomeWindow { plan.outcomeWindowMicros = outcomeWindow.micros }
    return plan
  }
}

extension Retrieval_RolloutFigures {
  init(_ snapshot: LiveRollout.Snapshot) {
    self.init()
    let evidence = snapshot.evidence
    let plan = snapshot.rollout.plan
    since = Google_Protobuf_Timestamp(unixMicros: snapshot.sinceMicros)
    baseline = Retrieval_VersionFigures(.baseline, evidence)
    candidate = Retrieval_VersionFigures(.candidate, evidence)
    compared = evidence.compared.overlap.count
    dropped = evidence.compared.dropped
    meanOverlap = evidence.compared.overlap.mean
    meanRankBiasedOverlap = evidence.compared.rankBiasedOverlap.mean
    meanScoreDrift = evidence.compared.scoreDrift.mean
    gates = plan.gates.readings(of: evidence, in: snapshot.rollout.currentStage).map { Retrieval_GateReading($0) }
    if snapshot.rollout.isActive,
      case .wait(let conditions) = RolloutDecision(for: snapshot.rollout, evidence, now: .now)
    {
      waitingFor = conditions
    }
    outcomes = evidence.kinds.map { kind in
      Retrieval_OutcomeDifference(
        kind, baseline: evidence[.baseline].trials(of: kind), candidate: evidence[.candidate].trials(of: kind),
        errorProbability: plan.gates.errorProbability)
    }
    forgottenAnswers = snapshot.forgottenAnswers
    forgottenRequests = snapshot.forgottenRequests
  }
}

extension Retrieval_VersionFigures {
  init(_ arm: Arm, _ evidence: StageEvidence) {
    self.init()
    let micros = arm == .baseline ? evidence.searchMicros.baseline : evidence.searchMicros.candidate
    queries = evidence[arm].queries
    errors = evidence.errors(of: arm)
    p50Micros = micros.quantile(0.5) ?? 0
    p99Micros = micros.quantile(0.99) ?? 0
    settledAnswers = evidence[arm].settled
    shadowSearches = arm == .baseline ? evidence.compared.baselineSearches : evidence.compared.candidateSearches
    failures = evidence[arm].failures
    fallbacks = evidence[arm].fallbacks
    let keys = evidence.routedKeys
    routingKeys = arm == .candidate ? keys.successes : keys.count - keys.successes
  }

  init(_ served: RolloutReport.Point.Served) {
    self.init()
    queries = served.queries
    errors = served.errors
    p50Micros = served.p50
    p99Micros = served.p99
    settledAnswers = served.settled
    failures = served.failures ?? [:]
  }
}

extension Retrieval_OutcomeDifference {
  init(_ kind: String, baseline: Trials, candidate: Trials, errorProbability: Double) {
    self.init()
    let rates = RateDifference(baseline: baseline, candidate: candidate, errorProbability: errorProbability)
    self.kind = kind
    baselineRate = baseline.interval(errorProbability: errorProbability).rate
    candidateRate = candidate.interval(errorProbability: errorProbability).rate
    difference = rates.difference
    lower = rates.lower
    upper = rates.upper
  }
}

extension Retrieval_GateReading {
  init(_ reading: GateReading) {
    self.init(reading.gate, reading.verdict, reading.measurement)
    detail = reading.detail
  }

  init(_ record: RolloutReport.Point.GateRecord) { self.init(record.gate, record.verdict, record.measurement) }

  private init(_ gate: Gate, _ verdict: GateReading.Verdict, _ measurement: GateReading.Measurement) {
    self.init()
    self.gate = gate.description
    switch gate {
    case .overlap: kind = .overlap
    case .errors: kind = .errors
    case .latency: kind = .latency
    case .sampleRatio: kind = .sampleRatio
    case .outcome(let outcome): (kind, outcomeKind) = (.outcome, outcome)
    }
    self.verdict =
      switch verdict {
      case .waiting: .waiting
      case .open: .open
      case .failed: .failed
      case .holding: .holding
      }
    if let value = measurement.value { self.value = value }
    if let interval = measurement.interval { (lower, upper) = (interval.lowerBound, interval.upperBound) }
    bound = measurement.bound
    samples = measurement.samples
    requiredSamples = measurement.requiredSamples
  }
}

extension Retrieval_RolloutPoint {
  init(_ point: RolloutReport.Point, errorProbability: Double) {
    self.init()
    time = Google_Protobuf_Timestamp(unixMicros: point.timeMicros)
    stage = UInt32(point.stage)
    canaryPermille = UInt32(point.canaryPermille)
    baseline = Retrieval_VersionFigures(point.baseline)
    candidate = Retrieval_VersionFigures(point.candidate)
    compared = point.compared
    meanOverlap = point.overlap
    meanRankBiasedOverlap = point.rankBiasedOverlap
    meanScoreDrift = point.scoreDrift
    outcomes = OutcomeCounts.kinds(of: [point.baseline.outcomes, point.candidate.outcomes]).map { kind in
      Retrieval_OutcomeDifference(
        kind.text, baseline: Trials(count: point.baseline.settled, successes: point.baseline.outcomes[kind]),
        candidate: Trials(count: point.candidate.settled, successes: point.candidate.outcomes[kind]),
        errorProbability: errorProbability)
    }
    gates = (point.gates ?? []).map { Retrieval_GateReading($0) }
  }
}

extension Retrieval_AuditEntry {
  init(_ entry: AuditEntry) {
    self.init()
    number = entry.number
    time = Google_Protobuf_Timestamp(unixMicros: entry.timeMicros)
    action = entry.action.rawValue
    kind = Retrieval_AuditAction(entry.action)
    version = entry.version
    actor = entry.actor
    reason = entry.reason
    detail = entry.detail
    generation = entry.generation
    requestID = entry.requestID
  }
}

extension Retrieval_AuditAction {
  init(_ action: AuditEntry.Action) {
    self =
      switch action {
      case .published: .published
      case .promoted: .promoted
      case .rolledBack: .rolledBack
      case .deleted: .deleted
      case .rolloutStarted: .rolloutStarted
      case .rolloutAdvanced: .rolloutAdvanced
      case .rolloutPaused: .rolloutPaused
      case .rolloutResumed: .rolloutResumed
      case .rolloutSucceeded: .rolloutSucceeded
      case .rolloutRolledBack: .rolloutRolledBack
      case .recovered: .recovered
      }
  }
}

extension Google_Protobuf_Duration {
  init(micros: Int64) {
    let (seconds, rest) = micros.quotientAndRemainder(dividingBy: 1_000_000)
    self.init(seconds: seconds, nanos: Int32(rest) * 1000)
  }

  /// Whole microseconds; the largest number for a duration beyond it.
  var micros: Int64 {
    let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
    let (sum, sumOverflow) = product.addingReportingOverflow(Int64(nanos) / 1000)
    return overflow || sumOverflow ? (seconds < 0 ? .min : .max) : sum
  }
}
