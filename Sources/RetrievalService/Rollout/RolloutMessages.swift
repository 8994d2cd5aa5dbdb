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
    claimedActor = entry.claimedActor ?? ""
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
