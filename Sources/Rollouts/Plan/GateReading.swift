// SPDX-License-Identifier: Apache-2.0

/// What a gate says of the evidence so far.
package struct GateReading: Sendable, Equatable {
  package enum Verdict: String, Sendable {
    /// Too few samples.
    case waiting
    case open
    /// Rolls back.
    case failed
    /// Keeps the stage from ending: what must be proven is not yet, or what was measured cannot be trusted.
    case holding
  }

  package let gate: Gate
  package let verdict: Verdict
  /// What was measured against what, for people.
  package let detail: String
}

extension Gates {
  /// Every gate that is set, read from the evidence of a stage.
  package func readings(of evidence: StageEvidence, in stage: RolloutPlan.Stage) -> [GateReading] {
    let readings = [
      readOverlap(evidence), readErrors(evidence, stage), readLatency(evidence), readSampleRatio(evidence, stage),
    ].compactMap(\.self)
    return readings + outcomes.map { readOutcome($0, evidence) }
  }

  private func readOverlap(_ evidence: StageEvidence) -> GateReading? {
    guard let minOverlap else { return nil }
    let overlap = evidence.compared.overlap
    let detail =
      "mean overlap \(overlap.mean.digits(3)) of \(overlap.count) compared queries, at least \(minOverlap.digits(3)) wanted"
    return GateReading(
      gate: .overlap,
      verdict: overlap.count < max(minSamples, 1) ? .waiting : overlap.mean < minOverlap ? .failed : .open,
      detail: detail)
  }

  /// Holds as long as the observed share rules the planned one out. Each key counts once in a stage, whatever it asks, so that
  /// the keys are independent trials of the split's probability.
  private func readSampleRatio(_ evidence: StageEvidence, _ stage: RolloutPlan.Stage) -> GateReading? {
    guard sampleRatioErrorProbability > 0, stage.hasBothArms else { return nil }
    let planned = Double(stage.canaryPermille) / 1000
    let keys = evidence.routedKeys
    let interval = keys.interval(errorProbability: sampleRatioErrorProbability)
    let isMismatch = planned < interval.lower || planned > interval.upper
    let detail =
      "the candidate has \(keys.successes) of \(keys.count) routing keys, a share of \(interval.rate.digits(4)) "
      + "[\(interval.lower.digits(4)), \(interval.upper.digits(4))]; \(planned.digits(3)) planned"
    return GateReading(
      gate: .sampleRatio, verdict: isMismatch ? .holding : .open,
      detail: isMismatch
        ? detail + ": something selects whose queries are counted, and no figure can be trusted" : detail)
  }

  private func readLatency(_ evidence: StageEvidence) -> GateReading? {
    guard let maxLatencyRatio else { return nil }
    let (baseline, candidate) = evidence.searchMicros
    guard let base = baseline.quantile(0.99), let other = candidate.quantile(0.99),
      min(baseline.count, candidate.count) >= max(minSamples, 1)
    else {
      return GateReading(
        gate: .latency, verdict: .waiting,
        detail:
          "\(candidate.count) searches of the candidate timed, \(baseline.count) of the baseline; \(minSamples) wanted")
    }
    let ratio = max(other, Self.latencyFloorMicros) / max(base, Self.latencyFloorMicros)
    return GateReading(
      gate: .latency, verdict: ratio > maxLatencyRatio ? .failed : .open,
      detail: "p99 of search time \((other / 1000).digits(2)) ms against \((base / 1000).digits(2)) ms, "
        + "\(ratio.digits(2)) times; at most \(maxLatencyRatio.digits(2)) allowed")
  }

  private func readOutcome(_ outcome: Outcome, _ evidence: StageEvidence) -> GateReading {
    let baseline = evidence[.baseline].trials(of: outcome.kind)
    let candidate = evidence[.candidate].trials(of: outcome.kind)
    let difference = RateDifference(baseline: baseline, candidate: candidate, errorProbability: errorProbability)
    let detail =
      "\(outcome.kind) rate differs by \(difference.difference.digits(4)) "
      + "[\(difference.lower.digits(4)), \(difference.upper.digits(4))] after \(candidate.count) answers of the candidate and "
      + "\(baseline.count) of the baseline; a drop of more than \(outcome.maxDrop.digits(4)) fails"
      + (outcome.isNonInferiority ? ", and it must be proven that there is none" : "")
    let verdict: GateReading.Verdict =
      if difference.upper < -outcome.maxDrop {
        .failed
      } else if min(baseline.count, candidate.count) < outcome.minTrials {
        .waiting
      } else {
        outcome.isNonInferiority && difference.lower < -outcome.maxDrop ? .holding : .open
      }
    return GateReading(gate: .outcome(kind: outcome.kind), verdict: verdict, detail: detail)
  }
}

extension Double {
  /// Decimal text with so many digits after the point.
  func digits(_ count: Int) -> String {
    guard isFinite else { return description }
    var scale = 1.0
    for _ in 0..<count { scale *= 10 }
    let scaled = (magnitude * scale).rounded()
    guard scaled < 9e15 else { return description }
    let whole = Int64(scaled) / Int64(scale)
    let fraction = String(Int64(scaled) % Int64(scale))
    let sign = self < 0 && scaled > 0 ? "-" : ""
    return count == 0
      ? "\(sign)\(whole)" : "\(sign)\(whole)." + String(repeating: "0", count: count - fraction.count) + fraction
  }
}
