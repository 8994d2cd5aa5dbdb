// SPDX-License-Identifier: Apache-2.0

/// What a gate says of the evidence so far.
package struct GateReading: Sendable, Equatable {
  package enum Verdict: String, Codable, Sendable, CaseIterable {
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
  package let measurement: Measurement
  /// Whether it waits for samples that the gate itself asks for, in a number or for a proof, and not only for those that every gate
  /// needs.
  package var waitsForOwnSamples = false

  /// What the gate compares: shares and rates from 0 to 1, their differences, or how many times as long.
  package struct Measurement: Codable, Sendable, Equatable {
    /// Nil while there is nothing to measure.
    package var value: Double?
    /// Around the value, where the gate rests on one; true at every moment at once.
    package var interval: ClosedRange<Double>?
    /// What the value is compared with.
    package var bound: Double
    /// What the value is of.
    package var samples: UInt64
    /// Fewer are not judged.
    package var requiredSamples: UInt64
  }
}

extension Gates {
  /// Every gate that is set, read from the evidence of a stage.
  package func readings(of evidence: StageEvidence, in stage: RolloutPlan.Stage) -> [GateReading] {
    let readings = [
      readOverlap(evidence), readErrors(evidence, stage), readLatency(evidence), readSampleRatio(evidence, stage),
    ].compactMap(\.self)
    return readings + outcomes.map { readOutcome($0, evidence) }
  }

  /// No gate is open on fewer.
  var judgedSamples: UInt64 { max(minSamples, 1) }

  private func readOverlap(_ evidence: StageEvidence) -> GateReading? {
    guard let minOverlap else { return nil }
    let overlap = evidence.compared.overlap
    let detail =
      "mean overlap \(overlap.mean.digits(3)) of \(overlap.count) compared queries, at least \(minOverlap.digits(3)) wanted"
    return GateReading(
      gate: .overlap,
      verdict: overlap.count < judgedSamples ? .waiting : overlap.mean < minOverlap ? .failed : .open,
      detail: detail,
      measurement: .init(
        value: overlap.count == 0 ? nil : overlap.mean, bound: minOverlap, samples: overlap.count,
        requiredSamples: judgedSamples))
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
        ? detail + ": something selects whose queries are counted, and no figure can be trusted" : detail,
      measurement: .init(
        value: keys.count == 0 ? nil : interval.rate, interval: interval.lower...interval.upper, bound: planned,
        samples: keys.count, requiredSamples: 0))
  }

  private func readLatency(_ evidence: StageEvidence) -> GateReading? {
    guard let maxLatencyRatio else { return nil }
    let (baseline, candidate) = evidence.searchMicros
    let samples = min(baseline.count, candidate.count)
    var measurement = GateReading.Measurement(
      bound: maxLatencyRatio, samples: samples, requiredSamples: judgedSamples)
    guard let base = baseline.quantile(0.99), let other = candidate.quantile(0.99) else {
      return waitingForTimes(candidate.count, baseline.count, measurement)
    }
    let ratio = max(other, Self.latencyFloorMicros) / max(base, Self.latencyFloorMicros)
    measurement.value = ratio
    guard samples >= judgedSamples else { return waitingForTimes(candidate.count, baseline.count, measurement) }
    return GateReading(
      gate: .latency, verdict: ratio > maxLatencyRatio ? .failed : .open,
      detail: "p99 of search time \((other / 1000).digits(2)) ms against \((base / 1000).digits(2)) ms, "
        + "\(ratio.digits(2)) times; at most \(maxLatencyRatio.digits(2)) allowed",
      measurement: measurement)
  }

  private func waitingForTimes(
    _ candidate: UInt64, _ baseline: UInt64, _ measurement: GateReading.Measurement
  ) -> GateReading {
    GateReading(
      gate: .latency, verdict: .waiting,
      detail: "\(candidate) searches of the candidate timed, \(baseline) of the baseline; \(minSamples) wanted",
      measurement: measurement)
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
    let samples = min(baseline.count, candidate.count)
    let required = max(outcome.minTrials, judgedSamples)
    // Two rates of 0 differ by nothing, whether nobody clicks or nobody reports clicks.
    let isReported = baseline.successes + candidate.successes > 0
    let verdict: GateReading.Verdict =
      if difference.upper < -outcome.maxDrop {
        // Proven, however few there are.
        .failed
      } else if !isReported || samples < required {
        .waiting
      } else {
        outcome.isNonInferiority && difference.lower < -outcome.maxDrop ? .holding : .open
      }
    return GateReading(
      gate: .outcome(kind: outcome.kind), verdict: verdict,
      detail: isReported ? detail : "no outcome of kind '\(outcome.kind)' was reported; \(detail)",
      measurement: .init(
        value: samples == 0 ? nil : difference.difference, interval: difference.lower...difference.upper,
        bound: -outcome.maxDrop, samples: samples, requiredSamples: required),
      waitsForOwnSamples: !isReported || samples < outcome.minTrials || outcome.isNonInferiority)
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
